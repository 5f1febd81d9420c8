#include "vlan/fault/gate.hpp"

#include <algorithm>

namespace charioteer::vlan::fault {

void Gate::attach(PortId port, const PlugOwner& owner) {
    if (port >= ports_.size()) ports_.resize(port + std::size_t{1});
    auto station = stations_.number(owner.machine.empty() ? owner.name : owner.machine);
    ports_[port] = {station, owner.is_shared, true, ++last_serial_};
    if (owner.is_shared) pipeline_.set_members(station, members_);
}

void Gate::name_address(Address address, const std::string& machine) {
    auto station = stations_.number(machine);
    named_[address] = station;
    learned_.erase(address);
    if (!is_member(station)) members_.push_back(station);
    for (const auto& place : ports_)
        if (place.is_used && place.is_shared) pipeline_.set_members(place.station, members_);
}

bool Gate::learn(PortId from, Address address) {
    const auto& place = ports_[from];
    if (is_group(address) || (place.is_shared && named_.contains(address))) return false;
    auto known = learned_.find(address);
    if (known != learned_.end() && known->second == place.station) return false;
    if (known == learned_.end() && learned_.size() >= max_addresses) learned_.clear();
    learned_[address] = place.station;
    return true;
}

Gate::Route Gate::route(PortId from, const Frame& frame) const {
    const auto& place = ports_[from];
    Route route{place.station, std::nullopt};
    if (auto named = named_.find(source_of(frame.bytes()));
        place.is_shared && named != named_.end())
        route.from = named->second;
    auto target = target_of(frame.bytes());
    if (!is_group(target)) route.to = station_of(target);
    return route;
}

void Gate::pass(const Route& route, const Frame& frame, PortId to, TimePoint now, Packets& out) {
    const auto& place = ports_[to];
    Link link{route.from, place.station};
    bool is_addressed = !route.to || *route.to == place.station;
    if (route.to && place.is_shared && is_member(*route.to)) {
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
    if (auto named = named_.find(address); named != named_.end()) return named->second;
    if (auto learned = learned_.find(address); learned != learned_.end()) return learned->second;
    return std::nullopt;
}

bool Gate::is_member(StationId station) const noexcept {
    return std::find(members_.begin(), members_.end(), station) != members_.end();
}

}  // namespace charioteer::vlan::fault
