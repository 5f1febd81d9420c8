#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "vlan/fault/pipeline.hpp"
#include "vlan/plug_owner.hpp"

namespace charioteer::vlan::fault {

/// Finds the link of each frame between two ports, and passes it through the faults of that link.
///
/// A link leads from the station that has sent a frame to the one that it is for. Frames to several
/// stations, or to an address that was not learned yet, take the links to all of them. A copy
/// that a third station overhears is not touched, but does not cross a cut link. No I/O. Segment's
/// thread.
class Gate {
public:
    /// Addresses that are remembered. Further ones replace all others.
    static constexpr std::size_t max_addresses = 4096;

    /// To be called for each port, also while there are no faults.
    void attach(PortId port, const PlugOwner& owner);
    void detach(PortId port) noexcept;
    /// Declares that `machine` has `address` behind the plug at `port`, which many machines share,
    /// until that is detached.
    void name_address(PortId port, Address address, const std::string& machine);
    /// Remembers that the station at `from` has `address`. To be called for the source of each
    /// frame, also while there are no faults. Returns whether that was not known.
    bool learn(PortId from, Address address);

    void add(Spec spec) { pipeline_.add(std::move(spec)); }
    void remove(const std::string& name, TimePoint now, Packets& out) {
        pipeline_.remove(name, now, out);
    }
    /// Whether there is no fault, and so no frame that waits.
    bool empty() const noexcept { return pipeline_.empty(); }
    void observe(std::function<void(const Touch&)> observe) {
        pipeline_.observe(std::move(observe));
    }

    /// Where a frame comes from, and which station it is for.
    struct Route {
        StationId from = any_station;
        std::optional<StationId> to;  ///< nullopt: several, or not known
    };
    Route route(PortId from, const Frame& frame) const;
    /// Passes the copy of a frame for the plug at `to`. Appends what is to be sent now to `out`.
    void pass(const Route& route, const Frame& frame, PortId to, TimePoint now, Packets& out);

    std::size_t known_addresses() const noexcept { return learned_.size(); }

    std::optional<TimePoint> next_due() const { return pipeline_.next_due(); }
    void deliver_due(TimePoint now, Packets& out) { pipeline_.deliver_due(now, out); }
    /// Whether the plug for which a packet has waited is still there.
    bool is_attached(const Target& target) const noexcept;

private:
    struct Place {
        StationId station = any_station;
        bool is_shared = false;  ///< as in PlugOwner
        bool is_used = false;
        std::uint64_t serial = 0;
        std::vector<StationId> members = {};  ///< that were named behind it, each once
    };
    struct Named {
        StationId station = any_station;
        PortId port = 0;
    };

    std::optional<StationId> station_of(Address address) const;
    bool is_named_at(PortId port, Address address) const;
    void find_members(PortId port);

    Stations stations_;
    Pipeline pipeline_{stations_};
    std::vector<Place> ports_;
    std::uint64_t last_serial_ = 0;
    std::unordered_map<Address, Named> named_;        ///< behind shared plugs
    std::unordered_map<Address, StationId> learned_;  ///< from the frames of other ports
};

}  // namespace charioteer::vlan::fault
