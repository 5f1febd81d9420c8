#include "vlan/fault/gate.hpp"

#include <algorithm>
#include <utility>

namespace charioteer::vlan::fault {

namespace {

bool contains(const std::vector<StationId>& stations, StationId station) noexcept {
    return std::find(stations.begin(), stations.end(), station) != stations.end();
}

}  // namespace

void Gate::attach(PortId port, const PlugOwner& owner) {
    if (port >= ports_.size()) ports_.resize(port + std::size_t{1});
    auto station = stations_.number(owner.machine.empty() ? owner.name : owner.machine);
    ports_[port] = {station, owner.is_shared, true, ++last_serial_};
    if (owner.is_shared) pipeline_.set_members(station, {});
}

void Gate::detach(PortId port) noexcept {
    ports_[port].is_used = false;
    if (ports_[port].is_shared)
        std::erase_if(named_, [port](const auto& named) { return named.second.port == port; });
}

void Gate::name_address(PortId port, Address address, const std::string& machine) {
    Named named{stations_.number(machine), port};
    auto before = std::exchange(named_[address], named);
    learned_.erase(address);
    if (before.station != any_station) find_members(before.port);
    if (!contains(ports_[port].members, named.station)) find_members(port);
}

/// Sets the members of a shared plug from `named_`.
void Gate::find_members(PortId port) {
    auto& place = ports_[port];
    place.members.clear();
    for (const auto& [address, named] : named_)
        if (named.port == port && !contains(place.members, named.station))
            place.members.push_back(named.station);
    pipeline_.set_members(place.station, place.members);
}

bool Gate::learn(PortId from, Address address) {
    const auto& place = ports_[from];
    if (is_group(address) || (place.is_shared && is_named_at(from, address))) return false;
    auto known = learned_.find(address);
    if (known != learned_.end() && known->second == place.station) return false;
    if (known == learned_.end() && learned_.size() >= max_addresses) learned_.clear();
    learned_[address] = place.station;
    return true;
}

Gate::Route Gate::route(PortId from, const Frame& frame) const {
    const auto& place = ports_[from];
    Route route{place.station, std::nullopt};
    if (place.is_shared && is_named_at(from, source_of(frame.bytes())))
        route.from = named_.at(source_of(frame.bytes())).station;
    auto target = target_of(frame.bytes());
    if (!is_group(target)) route.to = station_of(target);
    return route;
}

void Gate::pass(const Route& route, const Frame& frame, PortId to, TimePoint now, Packets& out) {
    const auto& place = ports_[to];
    Link link{route.from, place.station};
    bool is_addressed = !route.to || *route.to == place.station;
    if (route.to && place.is_shared && contains(place.members, *route.to)) {
        link.to = *route.to;
        is_addressed = true;
    }
    Packet packet{frame, {to, place.serial}};
    if (link.from != link.to && is_addressed)
        pipeline_.pass(link, std::move(packet), now, out);
    else if (link.from == link.to || !pipeline_.is_cut(link, frame))
        out.push_back(std::move(packet));
}

bool Gate::is_attached(const Target& target) const noexcept {
    const auto& place = ports_[target.port];
    return place.is_used && place.serial == target.serial;
}

std::optional<StationId> Gate::station_of(Address address) const {
    if (auto named = named_.find(address); named != named_.end()) return named->second.station;
    if (auto learned = learned_.find(address); learned != learned_.end()) return learned->second;
    return std::nullopt;
}

bool Gate::is_named_at(PortId port, Address address) const {
    auto named = named_.find(address);
    return named != named_.end() && named->second.port == port;
}

}  // namespace charioteer::vlan::fault
