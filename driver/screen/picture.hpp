#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace charioteer::screen {

/// What a screen showed: three bytes (red, green, blue) for each pixel, row by row without gaps.
struct Picture {
    std::size_t width = 0;
    std::size_t height = 0;
    std::string pixels;
};

/// The picture in a binary PPM file of 8 bits a colour, which is what QEMU's screendump writes.
/// Throws io::Error saying what is wrong with it.
Picture parse_ppm(std::string_view file);

}  // namespace charioteer::screen
