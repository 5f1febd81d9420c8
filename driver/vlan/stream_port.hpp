#pragma once

#include <sys/uio.h>

#include "vlan/port.hpp"
#include "vlan/stream.hpp"

namespace charioteer::vlan {

/// A plug that is a QEMU stream netdev.
class StreamPort : public Port {
public:
    /// Takes over a connected stream socket, which must not block.
    StreamPort(io::UniqueFd socket, LiveCounters& counters);

    Link receive(std::vector<Frame>& frames) override;
    void stage(Frame frame) override;
    void flush() override;
    void drain() override;

private:
    void enqueue_after(std::size_t sent);

    StreamDecoder decoder_;
    /// Staged bytes; frames that are neighbours in memory share a piece.
    std::vector<iovec> pieces_;
    std::size_t staged_frames_ = 0;
};

}  // namespace charioteer::vlan
