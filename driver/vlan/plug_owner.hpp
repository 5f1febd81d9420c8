#pragma once

#include <string>

namespace charioteer::vlan {

/// What is at the other end of a port.
struct PlugOwner {
    std::string machine;  ///< empty: a program of the host, a tap device, or a trunk
    unsigned card = 0;    ///< its number among the cards of the machine on this VLAN, from 0
    /// Unique among the plugs of the VLAN: "server", "server#2" for the second card of a machine,
    /// "plug3" for a program of the host at port 3, the name of the tap device, or "trunk-b" for
    /// one to the host b.
    std::string name = {};
    bool is_shared = false;  ///< a tap device or trunk, behind which there may be several machines
};

}  // namespace charioteer::vlan
