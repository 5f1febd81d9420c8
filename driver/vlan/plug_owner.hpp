#pragma once

#include <string>

namespace charioteer::vlan {

/// What is at the other end of a port.
struct PlugOwner {
    std::string machine;  ///< empty: a program of the host, or the tap device of the containers
    unsigned card = 0;    ///< its number among the cards of the machine on this VLAN, from 0
    /// Unique among the plugs of the VLAN: "server", "server#2" for the second card of a machine,
    /// "plug3" for a program of the host at port 3, or the name of the tap device.
    std::string name = {};
    bool is_shared = false;  ///< a tap device, behind which there may be several machines
};

}  // namespace charioteer::vlan
