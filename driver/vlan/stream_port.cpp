#include "vlan/stream_port.hpp"

#include <cerrno>

namespace charioteer::vlan {

StreamPort::StreamPort(io::UniqueFd socket, LiveCounters& counters)
    : StreamWriter(std::move(socket), {}, counters) {}

Port::Link StreamPort::receive(std::vector<Frame>& frames) {
    auto room = decoder_.room();
    auto length = receive_into(room);
    if (length == 0) return Link::down;
    if (length < 0) return errno == EAGAIN || errno == EINTR ? Link::up : Link::down;
    decoder_.received(static_cast<std::size_t>(length));
    if (decoder_.decode(frames) == StreamDecoder::Health::good) return Link::up;
    count(Count::dropped_oversized, 1);
    return Link::broken;
}

}  // namespace charioteer::vlan
