#pragma once

#include "vlan/port.hpp"

namespace charioteer::vlan {

/// A port whose plug is a stream of bytes, in which each frame has its length in front. Sends
/// consecutive frames in one piece; a port that derives from it decodes what is received.
class StreamWriter : public Port {
public:
    void send(std::span<const Frame> frames) override;
    void drain() override;
    int output() const noexcept override { return output_ ? output_.get() : socket(); }

protected:
    /// Takes ownership of the descriptors. `output`: to write to; none: `input` is a socket, to
    /// which frames are sent, too. Descriptors that are no sockets are non-blocking.
    StreamWriter(io::UniqueFd input, io::UniqueFd output, LiveCounters& counters);

    /// Receives bytes without waiting; -1 with errno if there are none.
    ssize_t receive_into(std::span<std::byte> room) noexcept;

private:
    void enqueue_after(std::span<const Frame> frames, std::size_t sent);

    io::UniqueFd output_;
    bool reads_socket_;
    bool writes_socket_;
};

}  // namespace charioteer::vlan
