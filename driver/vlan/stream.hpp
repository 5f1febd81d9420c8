#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "vlan/frame.hpp"

namespace charioteer::vlan {

/// The bytes of a stream that were received and not yet taken. Each record of it is at most
/// max_frame_size bytes and its length.
class StreamBuffer {
public:
    /// A buffer of at least `min_room` bytes to receive into. Invalidates what unread() returned.
    /// Less than one record may be unread.
    std::span<std::byte> room();
    /// Reports that `length` bytes have been written to room().
    void received(std::size_t length) noexcept { end_ += length; }

    Bytes unread() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
    /// Takes the first `length` bytes of unread().
    void take(std::size_t length) noexcept { begin_ += length; }

    static constexpr std::size_t min_room = 192 * 1024;

private:
    static constexpr std::size_t capacity = min_room + length_size + max_frame_size;

    std::unique_ptr<std::byte[]> buffer_{new std::byte[capacity]};
    std::size_t begin_ = 0;  ///< first byte not yet taken
    std::size_t end_ = 0;
};

/// Decodes the stream of a QEMU stream netdev (four bytes of length, big-endian, then the frame),
/// which arrives in any pieces. No I/O.
class StreamDecoder {
public:
    enum class Health {
        good,
        oversized,  ///< a length greater than max_frame_size: the stream is invalid
    };

    /// As those of StreamBuffer. Invalidates frames returned before.
    std::span<std::byte> room() { return buffer_.room(); }
    void received(std::size_t length) noexcept { buffer_.received(length); }

    /// Appends all complete frames to `frames`, valid until the next room().
    Health decode(std::vector<Frame>& frames);

private:
    StreamBuffer buffer_;
};

}  // namespace charioteer::vlan
