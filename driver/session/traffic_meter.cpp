#include "session/traffic_meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace charioteer::session {

namespace {

using vlan::Count;

std::uint64_t dropped(const vlan::Counters& counters) {
    return counters[Count::dropped_slow_port] + counters[Count::dropped_gone] +
           counters[Count::dropped_oversized] + counters[Count::dropped_malformed];
}

}  // namespace

std::optional<io::Event> TrafficMeter::take(const vlan::Counters& counters,
                                            std::vector<vlan::capture::Sent> sent) {
    auto frames = counters[Count::received] - last_[Count::received];
    auto bytes = counters[Count::received_bytes] - last_[Count::received_bytes];
    auto lost = dropped(counters) - dropped(last_);
    last_ = counters;
    if (frames == 0 && lost == 0) return std::nullopt;
    io::Event event{io::EventKind::traffic, {}, std::to_string(vlan_)};
    event.details = {{"frames", std::to_string(frames)}, {"bytes", std::to_string(bytes)}};
    if (lost != 0) event.details.emplace_back("dropped", std::to_string(lost));
    add_senders(event, std::move(sent));
    return event;
}

void TrafficMeter::add_senders(io::Event& event, std::vector<vlan::capture::Sent> sent) {
    for (auto& each : sent) {
        auto& last = last_sent_[each.name];
        auto so_far = each;
        each.frames -= last.frames;
        each.bytes -= last.bytes;
        last = std::move(so_far);
    }
    std::erase_if(sent, [](const auto& each) { return each.frames == 0; });
    std::stable_sort(sent.begin(), sent.end(),
                     [](const auto& one, const auto& other) { return one.bytes > other.bytes; });
    if (sent.size() > most_senders) sent.resize(most_senders);
    for (const auto& each : sent)
        event.details.emplace_back("sender",
                                   fmt::format("{} {} {}", each.name, each.frames, each.bytes));
}

}  // namespace charioteer::session
