#include "vlan/hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "io/error.hpp"
#include "vlan/sockets.hpp"

namespace charioteer::vlan {

namespace {

std::uint64_t bytes_of(const std::vector<Frame>& frames) {
    return std::accumulate(frames.begin(), frames.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Frame& frame) { return sum + frame.size; });
}

/// "server.1" for the card of a machine on VLAN 1, "server.1#2" for its second one there.
std::string interface_name(const PlugOwner& owner, int vlan) {
    if (owner.machine.empty()) return owner.name;
    auto name = fmt::format("{}.{}", owner.machine, vlan);
    return owner.card == 0 ? name : fmt::format("{}#{}", name, owner.card + 1);
}

/// What a fault has done: "to db: dropped by partition-1 at test.py:14". Touches that do not fit
/// into the comment of a frame are left out.
void add_comment(std::string& comment, const fault::Touch& touch) {
    constexpr std::size_t limit = 900;
    std::string text;
    switch (touch.fate.action) {
        case fault::Fate::Action::drop:
            text = "dropped";
            break;
        case fault::Fate::Action::overflow:
            text = "dropped, since too many were waiting,";
            break;
        case fault::Fate::Action::delay:
            text = "delayed";
            break;
        case fault::Fate::Action::hold:
            text = "held";
            break;
        case fault::Fate::Action::pass:
            break;
    }
    if (touch.fate.is_duplicated) text += text.empty() ? "duplicated" : " and duplicated";
    if (touch.fate.inverted_bit) text += text.empty() ? "corrupted" : " and corrupted";
    text = fmt::format("to {}: {} by {}", touch.to, text, touch.fault);
    if (!touch.origin.empty()) text += fmt::format(" at {}", touch.origin);
    if (comment.size() + text.size() > limit) return;
    comment += (comment.empty() ? "" : "; ") + text;
}

io::Error no_room() {
    return io::Error(fmt::format("there are {} plugs already", max_ports));
}

}  // namespace

Hub::Hub(int vlan, LiveCounters& counters, capture::Recording& recording)
    : vlan_(vlan), counters_(counters), recording_(recording) {
    ports_.reserve(max_ports);
    frames_.reserve(4096);
}

PortId Hub::free_id() const {
    std::size_t id = 0;
    while (id < ports_.size() && ports_[id]) ++id;
    if (id == max_ports) throw no_room();
    return static_cast<PortId>(id);
}

void Hub::expect_room(std::size_t others) const {
    std::size_t used = others;
    for_each([&](PortId, const Port&) { ++used; });
    if (used >= max_ports) throw no_room();
}

void Hub::add(PortId id, std::unique_ptr<Port> port, std::string machine) {
    PlugOwner owner{std::move(machine)};
    if (owner.machine.empty()) {
        owner.name = fmt::format("plug{}", id);
    } else {
        while (has_card(owner.machine, owner.card)) ++owner.card;
        owner.name =
            owner.card == 0 ? owner.machine : fmt::format("{}#{}", owner.machine, owner.card + 1);
    }
    put(id, std::move(port), std::move(owner));
}

void Hub::add_shared(PortId id, std::unique_ptr<Port> port, std::string name) {
    put(id, std::move(port), {{}, 0, std::move(name), true});
}

void Hub::put(PortId id, std::unique_ptr<Port> port, PlugOwner owner) {
    if (id >= ports_.size()) {
        ports_.resize(id + std::size_t{1});
        owners_.resize(ports_.size());
        interfaces_.resize(ports_.size());
        last_sources_.resize(ports_.size());
    }
    gate_.attach(id, owner);
    ports_[id] = std::move(port);
    interfaces_[id] = recording_.interface(interface_name(owner, vlan_), owner.machine);
    last_sources_[id] = 0;
    owners_[id] = std::move(owner);
}

void Hub::remove(PortId id) {
    gate_.detach(id);
    ports_[id].reset();
}

void Hub::name_address(std::optional<PortId> port, Address address, const std::string& machine) {
    if (port) gate_.name_address(*port, address, machine);
    auto named = recording_.interface(interface_name({machine}, vlan_), machine);
    recording_.learn(named, address);
    named_interfaces_[address] = named;
    if (port && observe_machine_) observe_machine_(*port, address, machine);
}

bool Hub::has_card(const std::string& machine, unsigned card) const {
    bool found = false;
    for_each([&](PortId id, const Port&) {
        found = found || (owners_[id].machine == machine && owners_[id].card == card);
    });
    return found;
}

Port::Link Hub::forward(PortId from) {
    frames_.clear();
    auto link = ports_[from]->receive(frames_);
    auto malformed =
        std::erase_if(frames_, [](Frame frame) { return frame.size < ethernet_header_size; });
    counters_.add(Count::dropped_malformed, malformed);
    if (frames_.empty()) return link;
    count(from);
    learn(from);
    if (!gate_.empty()) {
        forward_with_faults(from);
        return link;
    }
    // First, so that a capture has every frame that a machine has received.
    if (recording_.is_on()) record(from, {});
    for_each([&](PortId id, Port& port) {
        if (id != from) port.send(frames_);
    });
    return link;
}

/// Counts `frames_` for the segment and for what has sent them.
void Hub::count(PortId from) {
    auto bytes = bytes_of(frames_);
    counters_.add(Count::received, frames_.size());
    counters_.add(Count::received_bytes, bytes);
    if (!owners_[from].is_shared) {
        recording_.count(interfaces_[from], frames_.size(), bytes);
        return;
    }
    for (const auto& frame : frames_) recording_.count(interface_of(from, frame), 1, frame.size);
}

/// Learns the sources of `frames_`. Most are that of the frame before.
void Hub::learn(PortId from) {
    for (const auto& frame : frames_) {
        auto source = source_of(frame.bytes());
        if (source == last_sources_[from]) continue;
        // It may have been that of another port.
        if (gate_.learn(from, source)) {
            std::fill(last_sources_.begin(), last_sources_.end(), Address{0});
            recording_.learn(interfaces_[from], source);
            if (observe_machine_ && !owners_[from].machine.empty())
                observe_machine_(from, source, owners_[from].machine);
        }
        last_sources_[from] = source;
    }
}

void Hub::forward_with_faults(PortId from) {
    auto now = std::chrono::steady_clock::now();
    routes_.clear();
    for (const auto& frame : frames_) routes_.push_back(gate_.route(from, frame));
    bool is_recorded = recording_.is_on();
    std::vector<std::string> comments(is_recorded ? frames_.size() : 0);
    std::size_t current = 0;  // in frames_
    if (is_recorded)
        gate_.observe([&](const fault::Touch& touch) { add_comment(comments[current], touch); });
    packets_.clear();
    for_each([&](PortId id, Port& /*port*/) {
        if (id == from) return;
        for (current = 0; current < frames_.size(); ++current)
            gate_.pass(routes_[current], frames_[current], id, now, packets_);
    });
    if (is_recorded) {
        gate_.observe({});
        record(from, comments);
    }
    send(packets_);
}

/// Those of a named machine behind a shared plug have its interface.
capture::InterfaceId Hub::interface_of(PortId from, const Frame& frame) const {
    if (!owners_[from].is_shared) return interfaces_[from];
    auto named = named_interfaces_.find(source_of(frame.bytes()));
    return named == named_interfaces_.end() ? interfaces_[from] : named->second;
}

/// Adds `frames_` to the recording, successive ones without a comment at once. `comments`: one for
/// each frame, or none.
void Hub::record(PortId from, std::span<const std::string> comments) {
    auto has_comment = [&](std::size_t at) { return !comments.empty() && !comments[at].empty(); };
    std::span<const Frame> frames(frames_);
    for (std::size_t begin = 0, end = 0; begin < frames.size(); begin = end) {
        auto sender = interface_of(from, frames[begin]);
        end = begin + 1;
        if (has_comment(begin)) {
            recording_.add(sender, frames.subspan(begin, 1), comments[begin]);
            continue;
        }
        while (end < frames.size() && !has_comment(end) &&
               interface_of(from, frames[end]) == sender)
            ++end;
        recording_.add(sender, frames.subspan(begin, end - begin));
    }
}

void Hub::remove_fault(const std::string& name) {
    packets_.clear();
    gate_.remove(name, std::chrono::steady_clock::now(), packets_);
    send(packets_);
}

void Hub::send_due() {
    packets_.clear();
    gate_.deliver_due(std::chrono::steady_clock::now(), packets_);
    send(packets_);
}

/// Sends the packets, those in succession for the same plug together.
void Hub::send(const fault::Packets& packets) {
    for (auto begin = packets.begin(); begin != packets.end();) {
        auto target = begin->to;
        outgoing_.clear();
        for (; begin != packets.end() && begin->to.serial == target.serial; ++begin)
            outgoing_.push_back(begin->frame);
        if (gate_.is_attached(target))
            ports_[target.port]->send(outgoing_);
        else
            counters_.add(Count::dropped_gone, outgoing_.size());
    }
}

}  // namespace charioteer::vlan
