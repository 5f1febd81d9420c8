#include "vlan/fault/fault.hpp"

#include <array>

namespace charioteer::vlan::fault {

std::vector<std::pair<std::string, std::uint64_t>> named_counts(const LiveFaultCounts& counts) {
    constexpr std::array<const char*, fault_count_kinds> names{
        "seen", "dropped", "delayed", "duplicated", "corrupted", "held", "overflowed"};
    std::vector<std::pair<std::string, std::uint64_t>> result;
    for (std::size_t i = 0; i < fault_count_kinds; ++i)
        result.emplace_back(names[i], counts[static_cast<FaultCount>(i)]);
    return result;
}

}  // namespace charioteer::vlan::fault
