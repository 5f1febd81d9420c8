// A screendump of QEMU is rejected with an error, or the picture has as many pixels as its width
// and height require.

#include "fuzz/input.hpp"
#include "io/error.hpp"
#include "screen/picture.hpp"

using namespace charioteer;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view file(reinterpret_cast<const char*>(data), size);
    try {
        auto picture = screen::parse_ppm(file);
        require(picture.width > 0 && picture.height > 0);
        require(picture.pixels.size() == picture.width * picture.height * 3);
        require(picture.pixels.size() < size);
    } catch (const io::Error&) {
        return 0;
    }
    return 0;
}
