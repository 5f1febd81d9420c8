#include "session/traffic_meter.hpp"

#include <string>

namespace charioteer::session {

namespace {

using vlan::Count;

std::uint64_t dropped(const vlan::Counters& counters) {
    return counters[Count::dropped_slow_port] + counters[Count::dropped_gone] +
           counters[Count::dropped_oversized] + counters[Count::dropped_malformed];
}

}  // namespace

std::optional<io::Event> TrafficMeter::take(const vlan::Counters& counters) {
    auto frames = counters[Count::received] - last_[Count::received];
    auto bytes = counters[Count::received_bytes] - last_[Count::received_bytes];
    auto lost = dropped(counters) - dropped(last_);
    last_ = counters;
    if (frames == 0 && lost == 0) return std::nullopt;
    io::Event event{io::EventKind::traffic, {}, std::to_string(vlan_)};
    event.details = {{"frames", std::to_string(frames)}, {"bytes", std::to_string(bytes)}};
    if (lost != 0) event.details.emplace_back("dropped", std::to_string(lost));
    return event;
}

}  // namespace charioteer::session
