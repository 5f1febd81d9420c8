// The text of guests for terminals and reports: the result is UTF-8 without control characters, and
// escaping it again does not change it. Lines do not depend on the pieces in which they arrive. The
// first byte of the input is the size of the pieces.

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/input.hpp"
#include "io/line_splitter.hpp"
#include "io/printable.hpp"
#include "report/xml.hpp"

using namespace charioteer;
using fuzz::require;

namespace {

constexpr std::size_t longest_line = 100;

std::vector<std::string> lines_of(std::string_view text, std::size_t piece) {
    io::LineSplitter splitter(longest_line);
    std::vector<std::string> lines;
    fuzz::feed(text, piece, [&](std::string_view bytes) {
        splitter.feed(bytes);
        while (auto line = splitter.next()) lines.push_back(std::move(*line));
        require(splitter.rest().size() <= longest_line);
    });
    lines.emplace_back(splitter.rest());
    return lines;
}

bool is_control(char character) {
    return (static_cast<unsigned char>(character) < 0x20 && character != '\t') || character == 0x7f;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto piece = input.byte() + std::size_t{1};
    auto text = input.rest();
    require(lines_of(text, piece) == lines_of(text, 1));
    auto shown = io::printable(text, io::Colours::drop);
    require(std::none_of(shown.begin(), shown.end(), is_control));
    require(io::decodable(shown) == shown && io::printable(shown, io::Colours::drop) == shown);
    auto coloured = io::printable(text, io::Colours::keep);
    require(io::printable(coloured, io::Colours::drop) == shown);
    auto decoded = io::decodable(text);
    require(decoded.size() <= text.size() && io::decodable(decoded) == decoded);
    auto content = report::xml_content(text);
    require(content.find_first_of("<>") == std::string::npos);
    auto attribute = report::xml_attribute(text);
    require(attribute.size() >= 2 && attribute.front() == attribute.back());
    require(attribute.find(attribute.front(), 1) == attribute.size() - 1);
    return 0;
}
