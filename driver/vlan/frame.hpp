#pragma once

#include <endian.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace charioteer::vlan {

using Bytes = std::span<const std::byte>;

/// Shorter frames have no complete header and are dropped.
inline constexpr std::size_t ethernet_header_size = 14;
/// The size of the big-endian length in front of a frame on a QEMU stream.
inline constexpr std::size_t length_size = 4;
/// The longest frame that QEMU's network back ends support: 64 KiB and a page. Longer ones are
/// dropped.
inline constexpr std::size_t max_frame_size = 65536 + 4096;

/// Reads and writes the length in front of a frame on a QEMU stream.
std::uint32_t read_length(const std::byte* bytes) noexcept;
void write_length(std::byte* bytes, std::size_t length) noexcept;

/// One Ethernet frame in a receive buffer, borrowed. For all kinds of ports, the four bytes in
/// front of it contain its length as on a QEMU stream, so that a stream port can send both without
/// copying, and consecutive frames in one piece.
struct Frame {
    const std::byte* data = nullptr;
    std::size_t size = 0;

    Bytes bytes() const noexcept { return {data, size}; }
    Bytes with_length() const noexcept { return {data - length_size, size + length_size}; }
};

/// An Ethernet address, in the low 48 bits.
using Address = std::uint64_t;

/// The address from which a frame was sent, and the one that it is for. It has a complete header.
inline Address source_of(Bytes frame) noexcept {
    std::uint64_t last;  // the eight bytes at whose end it is
    std::memcpy(&last, frame.data() + 4, sizeof last);
    return be64toh(last) & 0xffff'ffff'ffff;
}
inline Address target_of(Bytes frame) noexcept {
    std::uint64_t first;
    std::memcpy(&first, frame.data(), sizeof first);
    return be64toh(first) >> 16;
}

/// Whether it is the address of several stations: a broadcast or multicast.
inline bool is_group(Address address) noexcept {
    return (address & Address{1} << 40) != 0;
}

}  // namespace charioteer::vlan
