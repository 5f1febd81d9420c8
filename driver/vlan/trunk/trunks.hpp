#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "vlan/port.hpp"
#include "vlan/trunk/trunk.hpp"
#include "vlan/trunk/trunk_port.hpp"

namespace charioteer::vlan::trunk {

/// The trunks of a segment: which other segments they lead to, and the names of stations that both
/// sides know. Segment's thread.
class Trunks {
public:
    /// Addresses whose machines one VLAN remembers for its trunks, and machines that it takes from
    /// each of them. Further addresses have no name; further machines end the trunk.
    static constexpr std::size_t max_names = 4096;

    /// `learn` is called for each name that comes from the trunk at a port, unless a machine of
    /// this side has its address; `warn` once for each trunk whose machines have addresses or names
    /// of this side, and once for each that names a machine of this side itself, as in a ring.
    Trunks(unsigned vlan, std::function<void(PortId, const Name&)> learn,
           std::function<void(std::string)> warn)
        : own_{vlan, random_segment_id()}, learn_(std::move(learn)), warn_(std::move(warn)) {}

    /// The port of a new trunk, to be attached to the hub as `id`. It sends all names that are
    /// known.
    std::unique_ptr<TrunkPort> open(PortId id, TrunkEnds ends, std::shared_ptr<Trunk> trunk,
                                    LiveCounters& counters);
    bool is_trunk(PortId id) const { return ends_.contains(id); }
    /// To be called before the port is removed: the trunk has ended. `reason`: empty for that of
    /// the port. Returns a message for the log.
    std::string close(PortId id, std::string reason);
    /// The port of `trunk`; max_ports or more: it has ended.
    PortId find(const Trunk& trunk) const;
    void close_all(const std::string& reason);

    /// `machine` has `address` at the port `from`: sends it to the trunks at all other ports.
    void named(PortId from, Address address, const std::string& machine);

private:
    struct End {
        TrunkPort* port = nullptr;
        std::shared_ptr<Trunk> trunk;
        SegmentId peer{};
        std::unordered_set<std::string> machines;  ///< all that it has named so far
        bool has_conflict = false;                 ///< a warning of an address or a name was given
        bool is_in_ring = false;                   ///< a warning of a ring was given
    };
    struct Place {
        PortId port = 0;
        std::string machine;
    };

    std::string check(PortId id, const Hello& hello);
    std::string take(PortId id, const Name& name);
    /// Whether a machine of this side has the address. Warns of that, and of the same name.
    bool is_conflict(PortId trunk, const Name& name);

    Hello own_;
    std::function<void(PortId, const Name&)> learn_;
    std::function<void(std::string)> warn_;
    std::unordered_map<PortId, End> ends_;
    std::unordered_map<Address, Place> places_;  ///< of the machines that are known
};

}  // namespace charioteer::vlan::trunk
