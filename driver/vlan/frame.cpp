#include "vlan/frame.hpp"

#include <endian.h>

#include <cstring>

namespace charioteer::vlan {

namespace {

MacAddress read_address(const std::byte* bytes) noexcept {
    std::uint16_t high;
    std::uint32_t low;
    std::memcpy(&high, bytes, sizeof high);
    std::memcpy(&low, bytes + sizeof high, sizeof low);
    return {std::uint64_t{be16toh(high)} << 32 | be32toh(low)};
}

}  // namespace

std::uint32_t read_length(const std::byte* bytes) noexcept {
    std::uint32_t length;
    std::memcpy(&length, bytes, sizeof length);
    return be32toh(length);
}

void write_length(std::byte* bytes, std::size_t length) noexcept {
    std::uint32_t wire = htobe32(static_cast<std::uint32_t>(length));
    std::memcpy(bytes, &wire, sizeof wire);
}

std::optional<Header> parse_header(Bytes frame) noexcept {
    if (frame.size() < ethernet_header_size) return std::nullopt;
    std::uint16_t ethertype;
    std::memcpy(&ethertype, frame.data() + 12, sizeof ethertype);
    return Header{read_address(frame.data()), read_address(frame.data() + 6), be16toh(ethertype)};
}

}  // namespace charioteer::vlan
