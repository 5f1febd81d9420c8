#include "vlan/switch.hpp"

#include <algorithm>
#include <bit>

namespace charioteer::vlan {

Switch::Switch(std::size_t capacity)
    : sets_(std::bit_ceil(std::max(capacity, set_size)) / set_size) {}

Switch::Set& Switch::set_of(MacAddress address) {
    // Multiplicative hashing: the good bits are the high ones.
    auto mixed = address.value * 0x9e3779b97f4a7c15u;
    return sets_[(mixed >> 32) & (sets_.size() - 1)];
}

void Switch::learn(MacAddress address, PortId port, io::TimePoint now) {
    auto& set = set_of(address);
    auto* place = set.data();
    for (auto& station : set) {
        if (station.known && station.address == address) {
            place = &station;
            break;
        }
        bool older = station.heard < place->heard;
        if (!station.known || (place->known && older)) place = &station;
    }
    *place = Station{address, port, true, now};
}

std::optional<PortId> Switch::decide(const Header& header, PortId from, io::TimePoint now) {
    // Tagged frames neither teach nor follow the table: one address may well be at different ports
    // in different tagged networks, and upstream's hub lets every port see them.
    if (header.is_tagged()) return std::nullopt;
    if (!header.source.is_group() && header.source.value != 0) learn(header.source, from, now);
    if (header.destination.is_group()) return std::nullopt;
    for (const auto& station : set_of(header.destination)) {
        if (!station.known || station.address != header.destination) continue;
        if (now - station.heard > age_limit) return std::nullopt;
        // A station that is said to be where the frame came from has probably moved (or two have
        // the same address): let it be found wherever it is.
        if (station.port == from) return std::nullopt;
        return station.port;
    }
    return std::nullopt;
}

void Switch::forget(PortId port) {
    for (auto& set : sets_)
        for (auto& station : set)
            if (station.port == port) station = Station{};
}

}  // namespace charioteer::vlan
