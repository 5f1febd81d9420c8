#pragma once

#include "vlan/stream.hpp"
#include "vlan/stream_writer.hpp"

namespace charioteer::vlan {

/// A plug that is a QEMU stream netdev.
class StreamPort : public StreamWriter {
public:
    /// Takes ownership of a connected, non-blocking stream socket.
    StreamPort(io::UniqueFd socket, LiveCounters& counters);

    Link receive(std::vector<Frame>& frames) override;

private:
    StreamDecoder decoder_;
};

}  // namespace charioteer::vlan
