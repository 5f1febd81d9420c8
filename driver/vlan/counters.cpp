#include "vlan/counters.hpp"

namespace charioteer::vlan {

namespace {

constexpr std::array<const char*, count_kinds> names{
    "received",          "delivered",         "dropped_slow_port", "dropped_gone",
    "dropped_oversized", "dropped_malformed", "received_bytes"};

}  // namespace

std::vector<std::pair<std::string, std::uint64_t>> Counters::named() const {
    std::vector<std::pair<std::string, std::uint64_t>> result;
    for (std::size_t i = 0; i < count_kinds; ++i) result.emplace_back(names[i], values[i]);
    return result;
}

Counters LiveCounters::snapshot() const noexcept {
    Counters result;
    for (std::size_t i = 0; i < count_kinds; ++i) result.values[i] = (*this)[static_cast<Count>(i)];
    return result;
}

}  // namespace charioteer::vlan
