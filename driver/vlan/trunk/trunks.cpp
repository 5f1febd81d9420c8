#include "vlan/trunk/trunks.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace charioteer::vlan::trunk {

std::unique_ptr<TrunkPort> Trunks::open(PortId id, TrunkEnds ends, std::shared_ptr<Trunk> trunk,
                                        LiveCounters& counters) {
    TrunkPort::Events events;
    events.refuse = [this, id](const Hello& hello) { return check(id, hello); };
    events.named = [this, id](const Name& name) { return take(id, name); };
    auto port = std::make_unique<TrunkPort>(std::move(ends.input), std::move(ends.output), counters,
                                            own_, std::move(events));
    for (const auto& [address, place] : places_) port->announce({address, place.machine});
    auto& end = ends_[id];
    end.port = port.get();
    end.trunk = std::move(trunk);
    return port;
}

std::string Trunks::check(PortId id, const Hello& hello) {
    if (hello.vlan != own_.vlan)
        return fmt::format("it leads to vlan {} there, not to vlan {}", hello.vlan, own_.vlan);
    if (hello.segment == own_.segment) return "it leads back to the same vlan";
    for (const auto& [other, end] : ends_)
        if (other != id && end.peer == hello.segment)
            return fmt::format("there is a trunk to the same vlan already, that to {}",
                               end.trunk->host());
    auto& end = ends_.at(id);
    end.peer = hello.segment;
    end.trunk->join();
    return {};
}

std::string Trunks::take(PortId id, const Name& name) {
    auto known = places_.find(name.address);
    if (known != places_.end() && known->second.port == id && known->second.machine == name.machine)
        return {};
    if (known == places_.end() && places_.size() >= max_names) return {};
    auto& machines = ends_.at(id).machines;
    if (!machines.contains(name.machine)) {
        if (machines.size() >= max_names)
            return fmt::format("it has named more than {} machines", max_names);
        machines.insert(name.machine);
    }
    if (!is_conflict(id, name)) learn_(id, name);
    return {};
}

bool Trunks::is_conflict(PortId trunk, const Name& name) {
    auto& end = ends_.at(trunk);
    auto warn = [&](bool& is_known, const std::string& text) {
        if (!std::exchange(is_known, true))
            warn_(fmt::format("trunk to {}: {}", end.trunk->host(), text));
    };
    auto warn_of = [&](std::string_view what, const std::string& machine) {
        warn(end.has_conflict,
             fmt::format("{} there has the {} of {} here", name.machine, what, machine));
    };
    auto known = places_.find(name.address);
    if (known != places_.end() && !ends_.contains(known->second.port)) {
        // In a ring the name of a machine comes back to where it is.
        if (known->second.machine == name.machine)
            warn(end.is_in_ring,
                 fmt::format("{} is on both sides: it runs twice, or the trunks form a ring",
                             name.machine));
        else
            warn_of("address", known->second.machine);
        return true;
    }
    for (const auto& [address, place] : places_)
        if (place.machine == name.machine && !ends_.contains(place.port))
            warn_of("name", place.machine);
    return false;
}

void Trunks::named(PortId from, Address address, const std::string& machine) {
    auto known = places_.find(address);
    if (known == places_.end()) {
        if (places_.size() >= max_names) return;
        known = places_.try_emplace(address).first;
    } else if (known->second.port == from && known->second.machine == machine) {
        return;
    }
    if (ends_.contains(known->second.port) && !ends_.contains(from)) {
        auto there = known->second;
        known->second = {from, machine};
        is_conflict(there.port, {address, there.machine});
    }
    known->second = {from, machine};
    for (const auto& [id, end] : ends_)
        if (id != from) end.port->announce({address, machine});
}

std::string Trunks::close(PortId id, std::string reason) {
    auto end = ends_.extract(id);
    std::erase_if(places_, [id](const auto& place) { return place.second.port == id; });
    if (reason.empty()) reason = end.mapped().port->reason();
    auto& trunk = *end.mapped().trunk;
    trunk.end(reason);
    return fmt::format("the trunk to {} has ended: {}", trunk.host(), reason);
}

PortId Trunks::find(const Trunk& trunk) const {
    for (const auto& [id, end] : ends_)
        if (end.trunk.get() == &trunk) return id;
    return std::numeric_limits<PortId>::max();
}

void Trunks::close_all(const std::string& reason) {
    for (const auto& [id, end] : ends_) end.trunk->end(reason);
    ends_.clear();
}

}  // namespace charioteer::vlan::trunk
