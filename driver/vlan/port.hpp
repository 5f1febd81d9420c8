#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/unique_fd.hpp"
#include "vlan/byte_ring.hpp"
#include "vlan/counters.hpp"
#include "vlan/frame.hpp"

namespace charioteer::vlan {

using PortId = std::uint16_t;

/// The I/O of one plug. Never blocks: frames that the plug does not read are queued, and frames
/// that do not fit into the queue are dropped for this plug and counted. Segment's thread only.
class Port {
public:
    enum class Link {
        up,
        down,    ///< the plug has disconnected: remove the port
        broken,  ///< the plug sends invalid data: remove the port
    };
    /// The size of the queue of one plug, in bytes. About 700 full frames: enough for the bursts of
    /// a TCP window, and small enough that a stuck plug uses little memory.
    static constexpr std::size_t queue_size = 1 << 20;

    Port(io::UniqueFd socket, LiveCounters& counters);
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;
    virtual ~Port() = default;

    int descriptor() const noexcept { return socket_.get(); }
    /// What becomes writable for drain().
    virtual int output() const noexcept { return socket_.get(); }

    /// Receives a bounded number of frames and appends them to `frames`. They are valid until the
    /// next receive() of any port.
    virtual Link receive(std::vector<Frame>& frames) = 0;

    /// Sends or queues `frames` in this order. They need to be valid only during the call.
    virtual void send(std::span<const Frame> frames) = 0;

    /// Sends queued frames: to be called when the socket is writable again.
    virtual void drain() = 0;

    /// Whether frames are queued, so that drain() must be called.
    bool has_backlog() const noexcept { return !queue_.empty(); }

protected:
    int socket() const noexcept { return socket_.get(); }
    ByteRing& queue() noexcept { return queue_; }
    void enqueue(Frame frame);
    void count(Count kind, std::size_t frames) noexcept { counters_.add(kind, frames); }

private:
    io::UniqueFd socket_;
    ByteRing queue_{queue_size};
    LiveCounters& counters_;
};

}  // namespace charioteer::vlan
