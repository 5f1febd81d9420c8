#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace charioteer::files {

/// A unique file name: `prefix` and 64 random bits.
inline std::string new_name(std::string_view prefix) {
    std::random_device device;
    return fmt::format("{}{:08x}{:08x}", prefix, std::uint32_t{device()}, std::uint32_t{device()});
}

}  // namespace charioteer::files
