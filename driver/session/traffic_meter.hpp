#pragma once

#include <optional>

#include "io/event.hpp"
#include "vlan/counters.hpp"

namespace charioteer::session {

/// Measures what passes through a VLAN between two calls.
class TrafficMeter {
public:
    explicit TrafficMeter(int vlan) : vlan_(vlan) {}

    /// The event of kind `traffic` for what has passed since the last call, given the counters so
    /// far; none if nothing has.
    std::optional<io::Event> take(const vlan::Counters& counters);

private:
    int vlan_;
    vlan::Counters last_;
};

}  // namespace charioteer::session
