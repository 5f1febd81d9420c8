#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace charioteer::vlan::fault {

using StationId = std::uint16_t;

/// In a pair of a fault: any station.
inline constexpr StationId any_station = 0;

/// A link: from one station to another.
struct Link {
    StationId from = any_station;
    StationId to = any_station;

    std::uint32_t key() const noexcept { return std::uint32_t{from} << 16 | to; }
};

/// Numbers for the names of stations: machines, programs of the host, and tap devices. A name keeps
/// its number, so that faults apply to a machine that is started again.
class Stations {
public:
    /// The number of `name`; any_station for an empty one. Throws io::Error if there are 65535.
    StationId number(std::string_view name);
    const std::string& name(StationId id) const noexcept { return names_[id]; }

private:
    std::vector<std::string> names_{""};
    std::unordered_map<std::string, StationId> numbers_;
};

}  // namespace charioteer::vlan::fault
