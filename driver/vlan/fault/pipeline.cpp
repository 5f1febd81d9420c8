#include "vlan/fault/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "io/error.hpp"

namespace charioteer::vlan::fault {

namespace {

/// Further copies are not duplicated again, however many faults duplicate frames.
constexpr unsigned max_duplications = 4;

/// The memory of a waiting packet, in bytes: the frame, and what its queue needs.
std::size_t cost_of(const Packet& packet) noexcept {
    constexpr std::size_t bookkeeping = 256;
    return packet.frame.size + bookkeeping;
}

}  // namespace

struct Pipeline::Active {
    Spec spec;
    std::uint64_t number;  ///< increases with each fault
    std::unordered_map<std::uint32_t, LinkState> links;
    std::deque<Waiting> held;

    void count(FaultCount kind) const noexcept { spec.counts->add(kind, 1); }
};

Pipeline::Pipeline(Stations& stations) : stations_(stations) {}

Pipeline::~Pipeline() = default;

void Pipeline::add(Spec spec) {
    auto has_name = [&](const auto& fault) { return fault->spec.name == spec.name; };
    if (std::any_of(faults_.begin(), faults_.end(), has_name))
        throw io::UsageError(fmt::format("there is a fault called '{}' already", spec.name));
    // All names first: when there are too many, nothing must refer to the fault.
    std::vector<std::uint32_t> pairs;
    for (const auto& [from, to] : spec.links)
        pairs.push_back(Link{stations_.number(from), stations_.number(to)}.key());
    auto fault = std::make_unique<Active>(Active{std::move(spec), ++last_number_, {}, {}});
    for (auto pair : pairs) {
        auto& faults = by_pair_[pair];
        if (faults.empty() || faults.back() != fault.get()) faults.push_back(fault.get());
    }
    faults_.push_back(std::move(fault));
    chains_.clear();
}

void Pipeline::remove(const std::string& name, TimePoint now, Packets& out) {
    auto place = std::find_if(faults_.begin(), faults_.end(),
                              [&](const auto& fault) { return fault->spec.name == name; });
    if (place == faults_.end()) return;
    auto fault = std::move(*place);
    faults_.erase(place);
    for (const auto& [from, to] : fault->spec.links) {
        auto pair = by_pair_.find(Link{stations_.number(from), stations_.number(to)}.key());
        if (pair == by_pair_.end()) continue;
        std::erase(pair->second, fault.get());
        if (pair->second.empty()) by_pair_.erase(pair);
    }
    chains_.clear();
    auto released = std::move(fault->held);
    for (auto entry = delayed_.begin(); entry != delayed_.end();) {
        auto next = std::next(entry);
        if (entry->second.fault == fault.get())
            released.push_back(std::move(delayed_.extract(entry).mapped()));
        entry = next;
    }
    for (auto& waiting : released) {
        waiting_bytes_ -= cost_of(waiting.packet);
        go_on(waiting.link, fault.get(), std::move(waiting.packet), now, out);
    }
}

void Pipeline::set_members(StationId tap, std::vector<StationId> members) {
    members_[tap] = std::move(members);
    chains_.clear();
}

void Pipeline::pass(Link link, Packet packet, TimePoint now, Packets& out) {
    go_on(link, nullptr, std::move(packet), now, out);
}

bool Pipeline::is_cut(Link link, const Frame& frame) {
    const auto& chain = chain_of(link);
    return std::any_of(chain.begin(), chain.end(), [&](const Hop& hop) {
        const auto& spec = hop.fault->spec;
        return std::holds_alternative<Cut>(spec.kind) &&
               (!spec.filter || spec.filter->matches(frame.bytes()));
    });
}

std::optional<TimePoint> Pipeline::next_due() const {
    if (delayed_.empty()) return std::nullopt;
    return delayed_.begin()->first;
}

void Pipeline::deliver_due(TimePoint now, Packets& out) {
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
        auto due = delayed_.begin()->first;
        auto waiting = std::move(delayed_.extract(delayed_.begin()).mapped());
        auto cost = cost_of(waiting.packet);
        waiting_bytes_ -= cost;
        waiting.fault->links.at(waiting.link.key()).queued_bytes -= cost;
        // Later faults count from the time at which it was due, so that delays of this thread do
        // not add up.
        go_on(waiting.link, waiting.fault, std::move(waiting.packet), due, out);
    }
}

/// The faults that name this pair of stations, in their order.
std::vector<Pipeline::Active*> Pipeline::faults_of_pair(Link link) const {
    std::vector<Active*> found;
    for (auto pair : {link, Link{link.from, any_station}, Link{any_station, link.to}, Link{}}) {
        auto faults = by_pair_.find(pair.key());
        if (faults != by_pair_.end())
            found.insert(found.end(), faults->second.begin(), faults->second.end());
    }
    std::sort(found.begin(), found.end(),
              [](const Active* one, const Active* other) { return one->number < other->number; });
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::vector<Pipeline::Active*> Pipeline::faults_of(Link link) const {
    auto members = members_.find(link.to);
    if (members == members_.end() || members->second.empty()) return faults_of_pair(link);
    auto common = faults_of_pair({link.from, members->second.front()});
    for (auto member : members->second) {
        auto others = faults_of_pair({link.from, member});
        std::erase_if(common, [&](Active* fault) {
            return std::find(others.begin(), others.end(), fault) == others.end();
        });
    }
    return common;
}

Pipeline::Chain& Pipeline::chain_of(Link link) {
    auto [place, is_new] = chains_.try_emplace(link.key());
    if (!is_new) return place->second;
    for (auto* fault : faults_of(link)) {
        auto seed = derived_seed(fault->spec.seed, {fault->spec.name, stations_.name(link.from),
                                                    stations_.name(link.to)});
        auto& state = fault->links.try_emplace(link.key(), seed).first->second;
        place->second.push_back({fault, &state});
    }
    return place->second;
}

/// Passes the packet through the faults that were added later than `after`.
void Pipeline::go_on(Link link, const Active* after, Packet packet, TimePoint now, Packets& out) {
    auto number = after == nullptr ? 0 : after->number;
    for (const auto& hop : chain_of(link)) {
        if (hop.fault->number <= number) continue;
        const auto* filter = hop.fault->spec.filter.get();
        if (filter != nullptr && !filter->matches(packet.frame.bytes())) continue;
        if (!apply(hop, link, packet, now, out)) return;
    }
    out.push_back(std::move(packet));
}

/// Returns whether the packet goes on to the next fault now.
bool Pipeline::apply(const Hop& hop, Link link, Packet& packet, TimePoint now, Packets& out) {
    const auto& fault = *hop.fault;
    fault.count(FaultCount::seen);
    auto busy_until = hop.state->busy_until;
    auto fate = decide(fault.spec.kind, *hop.state, packet.frame.size, now);
    using Action = Fate::Action;
    bool waits = fate.action == Action::hold || fate.action == Action::delay;
    if (waits && !has_room(*hop.state, packet)) {
        fate.action = Action::overflow;
        hop.state->busy_until = busy_until;  // a frame that is dropped takes no time of the link
    }
    if (packet.duplications == max_duplications) fate.is_duplicated = false;
    report(fault, fate, link, packet.frame);
    switch (fate.action) {
        case Action::pass:
            break;
        case Action::drop:
            fault.count(FaultCount::dropped);
            return false;
        case Action::overflow:
            fault.count(FaultCount::overflowed);
            return false;
        case Action::delay:
            fault.count(FaultCount::delayed);
            delayed_.emplace(fate.due, keep(hop, link, std::move(packet)));
            return false;
        case Action::hold:
            fault.count(FaultCount::held);
            hop.fault->held.push_back(keep(hop, link, std::move(packet)));
            return false;
    }
    if (fate.inverted_bit) {
        fault.count(FaultCount::corrupted);
        packet.invert(*fate.inverted_bit);
    }
    if (fate.is_duplicated) {
        fault.count(FaultCount::duplicated);
        ++packet.duplications;
        go_on(link, hop.fault, packet, now, out);
    }
    return true;
}

bool Pipeline::has_room(const LinkState& state, const Packet& packet) const noexcept {
    return state.queued_bytes + cost_of(packet) <= link_limit &&
           waiting_bytes_ + cost_of(packet) <= total_limit;
}

Pipeline::Waiting Pipeline::keep(const Hop& hop, Link link, Packet packet) {
    packet.own();
    hop.state->queued_bytes += cost_of(packet);
    waiting_bytes_ += cost_of(packet);
    return {hop.fault, link, std::move(packet)};
}

void Pipeline::report(const Active& fault, const Fate& fate, Link link, const Frame& frame) const {
    bool is_touched =
        fate.action != Fate::Action::pass || fate.is_duplicated || fate.inverted_bit.has_value();
    if (observe_ && is_touched)
        observe_({fault.spec.name, fault.spec.origin, fate, stations_.name(link.from),
                  stations_.name(link.to), frame});
}

}  // namespace charioteer::vlan::fault
