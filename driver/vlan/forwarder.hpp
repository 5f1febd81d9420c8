#pragma once

#include <memory>
#include <vector>

#include "vlan/port.hpp"
#include "vlan/switch.hpp"

namespace charioteer::vlan {

/// The ports of a segment, and the way of frames between them. Segment's thread only.
class Forwarder {
public:
    explicit Forwarder(LiveCounters& counters);

    /// A number for a new port. Throws io::Error when there are max_ports already.
    PortId free_id() const;
    void add(PortId id, std::unique_ptr<Port> port);
    void remove(PortId id);
    void clear() noexcept { ports_.clear(); }
    Port* find(PortId id) const noexcept { return id < ports_.size() ? ports_[id].get() : nullptr; }

    /// Takes what the plug at `from` has sent, a bounded amount, and hands it on.
    Port::Link forward(PortId from, io::TimePoint now);

    /// Calls `see(id, port)` for each port.
    template <class See>
    void for_each(See see) const {
        for (std::size_t id = 0; id < ports_.size(); ++id)
            if (ports_[id]) see(static_cast<PortId>(id), *ports_[id]);
    }

private:
    void flood(Frame frame, PortId from);

    LiveCounters& counters_;
    Switch switch_;
    std::vector<std::unique_ptr<Port>> ports_;  ///< by number; null: free
    std::vector<Frame> frames_;                 ///< of one receive(), kept for its memory
};

}  // namespace charioteer::vlan
