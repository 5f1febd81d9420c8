#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "vlan/capture/recording.hpp"
#include "vlan/fault/gate.hpp"
#include "vlan/plug_owner.hpp"
#include "vlan/port.hpp"

namespace charioteer::vlan {

/// The ports of a segment. Frames of one plug are sent to all others, so that a plug can record the
/// traffic of others, and a station can move without announcing it. The hub learns the addresses of
/// stations only for faults and captures.
/// Segment's thread only.
class Hub {
public:
    /// `vlan`: its number, for the names in captures. The others outlive the hub.
    Hub(int vlan, LiveCounters& counters, capture::Recording& recording);

    /// A number for a new port. Throws io::Error if there are max_ports already.
    PortId free_id() const;
    /// Throws io::Error unless there is room for one more port than `others` besides those there
    /// are.
    void expect_room(std::size_t others) const;
    /// Adds a port with a free id, whose plug belongs to `machine`; empty: to none.
    void add(PortId id, std::unique_ptr<Port> port, std::string machine);
    /// Adds a port with a free id, whose plug `name` is a tap device or a trunk.
    void add_shared(PortId id, std::unique_ptr<Port> port, std::string name);
    void remove(PortId id);
    /// Of an existing port.
    const PlugOwner& owner(PortId id) const noexcept { return owners_[id]; }
    void clear() noexcept { ports_.clear(); }
    Port* find(PortId id) const noexcept { return id < ports_.size() ? ports_[id].get() : nullptr; }

    /// Receives a bounded number of frames from the plug at `from` and sends them to all others.
    Port::Link forward(PortId from);

    /// The faults of the links between the ports.
    const fault::Gate& gate() const noexcept { return gate_; }
    void add_fault(fault::Spec spec) { gate_.add(std::move(spec)); }
    /// Sends the frames that waited only for the fault `name`. No-op if there is none.
    void remove_fault(const std::string& name);
    /// As fault::Gate::name_address(); captures name the machine, too. No port: only captures do.
    void name_address(std::optional<PortId> port, Address address, const std::string& machine);
    /// Calls `see(port, address, machine)` for each address of a machine that is learned or named.
    void observe_machines(std::function<void(PortId, Address, const std::string&)> see) {
        observe_machine_ = std::move(see);
    }
    /// When send_due() has something to do; nullopt: not before forward() or remove_fault().
    std::optional<io::TimePoint> next_due() const { return gate_.next_due(); }
    /// Sends the frames that faults have delayed until now.
    void send_due();

    /// Calls `see(id, port)` for each port.
    template <class See>
    void for_each(See see) const {
        for (std::size_t id = 0; id < ports_.size(); ++id)
            if (ports_[id]) see(static_cast<PortId>(id), *ports_[id]);
    }

private:
    void learn(PortId from);
    void count(PortId from);
    void forward_with_faults(PortId from);
    void send(const fault::Packets& packets);
    void put(PortId id, std::unique_ptr<Port> port, PlugOwner owner);
    capture::InterfaceId interface_of(PortId from, const Frame& frame) const;
    void record(PortId from, std::span<const std::string> comments);
    bool has_card(const std::string& machine, unsigned card) const;

    int vlan_;
    LiveCounters& counters_;
    capture::Recording& recording_;
    std::vector<capture::InterfaceId> interfaces_;  ///< of the recording, by port
    std::vector<std::unique_ptr<Port>> ports_;      ///< by number; null: free
    std::vector<PlugOwner> owners_;                 ///< by number
    /// By port: the source of its last frame, which was learned; 0: none.
    std::vector<Address> last_sources_;
    std::function<void(PortId, Address, const std::string&)> observe_machine_;
    /// Of the recording, for machines behind shared plugs, by their addresses.
    std::unordered_map<Address, capture::InterfaceId> named_interfaces_;
    fault::Gate gate_;
    // Of one receive() or send_due(); members to reuse their memory.
    std::vector<Frame> frames_;
    std::vector<fault::Gate::Route> routes_;  ///< of `frames_`
    fault::Packets packets_;
    std::vector<Frame> outgoing_;  ///< of `packets_`, for one port
};

}  // namespace charioteer::vlan
