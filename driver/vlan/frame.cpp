#include "vlan/frame.hpp"

#include <endian.h>

#include <cstring>

namespace charioteer::vlan {

std::uint32_t read_length(const std::byte* bytes) noexcept {
    std::uint32_t length;
    std::memcpy(&length, bytes, sizeof length);
    return be32toh(length);
}

void write_length(std::byte* bytes, std::size_t length) noexcept {
    std::uint32_t wire = htobe32(static_cast<std::uint32_t>(length));
    std::memcpy(bytes, &wire, sizeof wire);
}

}  // namespace charioteer::vlan
