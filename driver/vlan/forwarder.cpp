#include "vlan/forwarder.hpp"

#include "io/error.hpp"
#include "vlan/sockets.hpp"

namespace charioteer::vlan {

Forwarder::Forwarder(LiveCounters& counters) : counters_(counters) {
    ports_.reserve(max_ports);
    frames_.reserve(4096);
}

PortId Forwarder::free_id() const {
    std::size_t id = 0;
    while (id < ports_.size() && ports_[id]) ++id;
    if (id == max_ports) throw io::Error("there are too many plugs");
    return static_cast<PortId>(id);
}

void Forwarder::add(PortId id, std::unique_ptr<Port> port) {
    if (id >= ports_.size()) ports_.resize(id + std::size_t{1});
    ports_[id] = std::move(port);
}

void Forwarder::remove(PortId id) {
    ports_[id].reset();
    switch_.forget(id);
}

Port::Link Forwarder::forward(PortId from, io::TimePoint now) {
    frames_.clear();
    auto link = ports_[from]->receive(frames_);
    std::size_t malformed = 0;
    std::size_t switched = 0;
    for (const auto& frame : frames_) {
        auto header = parse_header(frame.bytes());
        if (!header) {
            ++malformed;
            continue;
        }
        if (auto target = switch_.decide(*header, from, now)) {
            ports_[*target]->stage(frame);
            ++switched;
        } else {
            flood(frame, from);
        }
    }
    for_each([](PortId, Port& port) { port.flush(); });
    auto well_formed = frames_.size() - malformed;
    counters_.add(Count::received, well_formed);
    counters_.add(Count::forwarded, switched);
    counters_.add(Count::flooded, well_formed - switched);
    counters_.add(Count::dropped_malformed, malformed);
    return link;
}

void Forwarder::flood(Frame frame, PortId from) {
    for_each([&](PortId id, Port& port) {
        if (id != from) port.stage(frame);
    });
}

}  // namespace charioteer::vlan
