#pragma once

#include <cstddef>
#include <cstdint>
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

}  // namespace charioteer::vlan
