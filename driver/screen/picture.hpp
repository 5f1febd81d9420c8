#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace charioteer::screen {

/// A picture of a screen: three bytes (red, green, blue) for each pixel, row by row without
/// padding.
struct Picture {
    std::size_t width = 0;
    std::size_t height = 0;
    std::string pixels;
};

/// Parses a binary PPM file with 8 bits for each colour, the format of QEMU's screendump. Throws
/// io::Error that describes the problem.
Picture parse_ppm(std::string_view file);

}  // namespace charioteer::screen
