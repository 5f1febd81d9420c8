#pragma once

#include "vlan/port.hpp"
#include "vlan/stream.hpp"

namespace charioteer::vlan {

/// A plug that is a QEMU stream netdev.
class StreamPort : public Port {
public:
    /// Takes ownership of a connected, non-blocking stream socket.
    StreamPort(io::UniqueFd socket, LiveCounters& counters);

    Link receive(std::vector<Frame>& frames) override;
    void send(std::span<const Frame> frames) override;
    void drain() override;

private:
    void enqueue_after(std::span<const Frame> frames, std::size_t sent);

    StreamDecoder decoder_;
};

}  // namespace charioteer::vlan
