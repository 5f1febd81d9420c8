#include "vlan/hub.hpp"

#include <fmt/format.h>

#include <numeric>

#include "io/error.hpp"
#include "vlan/sockets.hpp"

namespace charioteer::vlan {

namespace {

std::uint64_t bytes_of(const std::vector<Frame>& frames) {
    return std::accumulate(frames.begin(), frames.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Frame& frame) { return sum + frame.size; });
}

}  // namespace

Hub::Hub(LiveCounters& counters) : counters_(counters) {
    ports_.reserve(max_ports);
    frames_.reserve(4096);
}

PortId Hub::free_id() const {
    std::size_t id = 0;
    while (id < ports_.size() && ports_[id]) ++id;
    if (id == max_ports) throw io::Error(fmt::format("there are {} plugs already", max_ports));
    return static_cast<PortId>(id);
}

void Hub::add(PortId id, std::unique_ptr<Port> port) {
    if (id >= ports_.size()) ports_.resize(id + std::size_t{1});
    ports_[id] = std::move(port);
}

Port::Link Hub::forward(PortId from) {
    frames_.clear();
    auto link = ports_[from]->receive(frames_);
    auto malformed =
        std::erase_if(frames_, [](Frame frame) { return frame.size < ethernet_header_size; });
    counters_.add(Count::dropped_malformed, malformed);
    counters_.add(Count::received, frames_.size());
    counters_.add(Count::received_bytes, bytes_of(frames_));
    if (frames_.empty()) return link;
    for_each([&](PortId id, Port& port) {
        if (id != from) port.send(frames_);
    });
    return link;
}

}  // namespace charioteer::vlan
