#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>

#include "vlan/port.hpp"

namespace charioteer::vlan {

/// The largest number of datagrams in one system call. More do not fit into a socket's buffer.
inline constexpr std::size_t datagram_batch = 128;

/// The receive buffers of the datagram ports of one segment, shared because only one port receives
/// at a time.
class DatagramBuffers {
public:
    DatagramBuffers();

    /// Receives up to a batch of datagrams without waiting. Returns their number, or -1 with errno.
    int receive(int socket) noexcept;
    /// Datagram `index` of the last receive(); no frame if it was too long.
    std::optional<Frame> frame(std::size_t index) const noexcept;

private:
    /// The distance of two buffers: space for the length and the frame, and an odd number of cache
    /// lines, so that the begins of the frames do not map to the same cache sets.
    static constexpr std::size_t stride = (max_frame_size / 64 + 3) * 64;

    std::unique_ptr<std::byte[]> storage_{new std::byte[stride * datagram_batch]};
    std::array<iovec, datagram_batch> pieces_{};
    std::array<mmsghdr, datagram_batch> messages_{};
};

/// A plug that uses VDE: one datagram for each frame.
class DatagramPort : public Port {
public:
    /// Takes over a datagram socket connected to the plug's. `buffers` outlives the port.
    DatagramPort(io::UniqueFd socket, LiveCounters& counters, DatagramBuffers& buffers);

    /// Never returns `down`: the end of a plug is detected on its control connection.
    Link receive(std::vector<Frame>& frames) override;
    void send(std::span<const Frame> frames) override;
    void drain() override;

private:
    DatagramBuffers& buffers_;
};

}  // namespace charioteer::vlan
