#pragma once

#include <memory>
#include <vector>

#include "vlan/port.hpp"

namespace charioteer::vlan {

/// The ports of a segment. Frames of one plug are sent to all others: the hub learns no addresses,
/// so that a plug can record the traffic of others, and a station can move without announcing it.
/// Segment's thread only.
class Hub {
public:
    explicit Hub(LiveCounters& counters);

    /// A number for a new port. Throws io::Error if there are max_ports already.
    PortId free_id() const;
    void add(PortId id, std::unique_ptr<Port> port);
    void remove(PortId id) { ports_[id].reset(); }
    void clear() noexcept { ports_.clear(); }
    Port* find(PortId id) const noexcept { return id < ports_.size() ? ports_[id].get() : nullptr; }

    /// Receives a bounded number of frames from the plug at `from` and sends them to all others.
    Port::Link forward(PortId from);

    /// Calls `see(id, port)` for each port.
    template <class See>
    void for_each(See see) const {
        for (std::size_t id = 0; id < ports_.size(); ++id)
            if (ports_[id]) see(static_cast<PortId>(id), *ports_[id]);
    }

private:
    LiveCounters& counters_;
    std::vector<std::unique_ptr<Port>> ports_;  ///< by number; null: free
    std::vector<Frame> frames_;                 ///< of one receive(); a member to reuse its memory
};

}  // namespace charioteer::vlan
