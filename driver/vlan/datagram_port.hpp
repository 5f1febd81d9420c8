#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>

#include "vlan/port.hpp"

namespace charioteer::vlan {

/// How many datagrams one system call takes or sends at most. More than fits into a socket's buffer
/// gains nothing.
inline constexpr std::size_t datagram_batch = 128;

/// The buffers into which the datagram ports of one segment receive, shared because only one
/// receives at a time.
class DatagramBuffers {
public:
    DatagramBuffers();

    /// Receives what `socket` has, up to a batch, without waiting. The number of datagrams, or -1
    /// with errno.
    int receive(int socket) noexcept;
    /// Datagram `index` of the last receive(); no frame when it was too long.
    std::optional<Frame> frame(std::size_t index) const noexcept;

private:
    /// Space between two buffers: room for the length and the frame, and an odd number of cache
    /// lines, so that the starts of all frames do not compete for the same lines.
    static constexpr std::size_t stride = (max_frame_size / 64 + 3) * 64;

    std::unique_ptr<std::byte[]> storage_{new std::byte[stride * datagram_batch]};
    std::array<iovec, datagram_batch> pieces_{};
    std::array<mmsghdr, datagram_batch> messages_{};
};

/// A plug that speaks VDE: one datagram, one frame.
class DatagramPort : public Port {
public:
    /// Takes over a datagram socket connected to the plug's. `buffers` outlives the port.
    DatagramPort(io::UniqueFd socket, LiveCounters& counters, DatagramBuffers& buffers);

    /// Never `down`: that the plug has gone shows on its control connection.
    Link receive(std::vector<Frame>& frames) override;
    void send(std::span<const Frame> frames) override;
    void drain() override;

private:
    DatagramBuffers& buffers_;
};

}  // namespace charioteer::vlan
