#include "vlan/fault/stations.hpp"

#include <limits>

#include "io/error.hpp"

namespace charioteer::vlan::fault {

StationId Stations::number(std::string_view name) {
    if (name.empty()) return any_station;
    std::string key(name);
    auto found = numbers_.find(key);
    if (found != numbers_.end()) return found->second;
    if (names_.size() > std::numeric_limits<StationId>::max())
        throw io::Error("there are 65535 names of machines already");
    auto id = static_cast<StationId>(names_.size());
    names_.push_back(key);
    numbers_.emplace(std::move(key), id);
    return id;
}

}  // namespace charioteer::vlan::fault
