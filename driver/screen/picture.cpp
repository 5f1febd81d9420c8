#include "screen/picture.hpp"

#include <fmt/format.h>

#include <charconv>

#include "io/error.hpp"

namespace charioteer::screen {

namespace {

/// Greater than the sides of all real screens; prevents an overflow of the product of the sides.
constexpr std::size_t longest_side = 32'768;

constexpr std::string_view blanks = " \t\r\n";

io::Error malformed(std::string_view what) {
    return io::Error(fmt::format("the picture of the screen is not a PPM file: {}", what));
}

/// Removes and returns the number at the begin of `rest`, after white space.
std::size_t take_number(std::string_view& rest) {
    auto begin = rest.find_first_not_of(blanks);
    if (begin == std::string_view::npos) throw malformed("its header is truncated");
    rest.remove_prefix(begin);
    std::size_t number = 0;
    auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (failure != std::errc()) throw malformed("its header has no number where one is expected");
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return number;
}

}  // namespace

Picture parse_ppm(std::string_view file) {
    if (!file.starts_with("P6")) throw malformed("it does not begin with P6");
    auto rest = file.substr(2);
    Picture picture;
    picture.width = take_number(rest);
    picture.height = take_number(rest);
    if (picture.width == 0 || picture.height == 0 || picture.width > longest_side ||
        picture.height > longest_side)
        throw malformed(fmt::format("its size is {} x {}", picture.width, picture.height));
    if (auto most = take_number(rest); most != 255)
        throw malformed(fmt::format("its largest colour value is {}, not 255", most));
    // One white space character, then the pixels, whose first byte may look like white space, too.
    auto size = picture.width * picture.height * 3;
    if (rest.size() < 1 + size)
        throw malformed(fmt::format("it has {} of {} bytes of pixels", rest.size(), 1 + size));
    picture.pixels = rest.substr(1, size);
    return picture;
}

}  // namespace charioteer::screen
