#include "vlan/port.hpp"

namespace charioteer::vlan {

Port::Port(io::UniqueFd socket, LiveCounters& counters)
    : socket_(std::move(socket)), counters_(counters) {}

void Port::enqueue(Frame frame) {
    bool queued = queue_.append(frame.with_length());
    count(queued ? Count::delivered : Count::dropped_slow_port, 1);
}

}  // namespace charioteer::vlan
