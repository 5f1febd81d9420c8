// A screendump of QEMU is rejected with an error, or the picture has as many pixels as its width
// and height require.

#include "fuzz/demand.hpp"
#include "io/error.hpp"
#include "screen/picture.hpp"

using namespace charioteer;
using fuzz::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view file(reinterpret_cast<const char*>(data), size);
    try {
        auto picture = screen::parse_ppm(file);
        demand(picture.width > 0 && picture.height > 0);
        demand(picture.pixels.size() == picture.width * picture.height * 3);
        demand(picture.pixels.size() < size);
    } catch (const io::Error&) {
        return 0;
    }
    return 0;
}
