#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vlan/counters.hpp"
#include "vlan/fault/filter.hpp"
#include "vlan/fault/kind.hpp"

namespace charioteer::vlan::fault {

/// The counters of a fault, in frames.
enum class FaultCount : std::size_t {
    seen,        ///< frames on its links that match its filter
    dropped,     ///< lost on purpose
    delayed,     ///< delivered later than without it
    duplicated,  ///< delivered twice
    corrupted,   ///< delivered with an inverted bit
    held,        ///< kept by `hold`
    overflowed,  ///< dropped because too many were waiting
};
inline constexpr std::size_t fault_count_kinds = 7;

using LiveFaultCounts = RunningCounts<FaultCount, fault_count_kinds>;

/// Names as in `FaultCount`, in its order, with their values.
std::vector<std::pair<std::string, std::uint64_t>> named_counts(const LiveFaultCounts& counts);

/// A fault, as a script asks for it.
struct Spec {
    /// Unique among the faults of a VLAN; the random numbers depend on it.
    std::string name;
    Kind kind;
    /// Ordered pairs of names of stations, from which frames come and to which they go. An empty
    /// name is any other station.
    std::vector<std::pair<std::string, std::string>> links;
    std::shared_ptr<const Filter> filter;  ///< null: all frames
    std::uint64_t seed = 0;                ///< of the run and the VLAN
    std::string origin = {};               ///< where it was started: "test.py:14"; empty: not known
    std::shared_ptr<LiveFaultCounts> counts = std::make_shared<LiveFaultCounts>();
};

}  // namespace charioteer::vlan::fault
