#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "vlan/frame.hpp"

namespace charioteer::vlan {

/// Cuts what a QEMU stream netdev sends (four bytes of length, big-endian, then the frame) into
/// frames, however the stream is chopped up. No I/O.
class StreamDecoder {
public:
    enum class Health {
        good,
        oversized,  ///< a length longer than max_frame_size: the rest cannot be understood
    };

    /// Room to write received bytes to, at least `min_room` long. Frames given out before are void.
    std::span<std::byte> room();
    /// `length` bytes have been written to room().
    void received(std::size_t length) noexcept { end_ += length; }

    /// Adds to `frames` all whole frames that have come, valid until the next room().
    Health decode(std::vector<Frame>& frames);

    static constexpr std::size_t min_room = 192 * 1024;

private:
    static constexpr std::size_t capacity = min_room + length_size + max_frame_size;

    std::unique_ptr<std::byte[]> buffer_{new std::byte[capacity]};
    std::size_t begin_ = 0;  ///< first byte not yet given out
    std::size_t end_ = 0;
};

}  // namespace charioteer::vlan
