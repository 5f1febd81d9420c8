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

/// The I/O of one plug. Never waits: what the plug does not take is queued, and what does not fit
/// into the queue is lost to this plug and counted. Segment's thread only.
class Port {
public:
    enum class Link {
        up,
        down,    ///< the plug has gone: remove the port
        broken,  ///< the plug sends what cannot be understood: remove the port
    };
    /// What one plug can have waiting, in bytes. Some 700 full frames: enough for the bursts of a
    /// TCP window, little enough that a stuck plug takes little memory.
    static constexpr std::size_t queue_size = 1 << 20;

    Port(io::UniqueFd socket, LiveCounters& counters);
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;
    virtual ~Port() = default;

    int descriptor() const noexcept { return socket_.get(); }

    /// Adds what the plug has sent, a bounded amount, to `frames`. They are valid until the next
    /// receive() on any port.
    virtual Link receive(std::vector<Frame>& frames) = 0;

    /// Sends or queues `frames`, in this order. They need to be valid during the call only.
    virtual void send(std::span<const Frame> frames) = 0;

    /// Sends what is queued: to be called when the socket takes bytes again.
    virtual void drain() = 0;

    /// Whether something is queued, and drain() wanted.
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
