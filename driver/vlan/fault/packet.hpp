#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "vlan/frame.hpp"
#include "vlan/port.hpp"

namespace charioteer::vlan::fault {

/// A port for which a frame may wait. The serial number differs for each plug, so that a frame is
/// not sent to a later plug at the same port.
struct Target {
    PortId port = 0;
    std::uint64_t serial = 0;
};

/// One copy of a frame on its way to one plug.
struct Packet {
    Frame frame;
    Target to;
    /// Has the frame, with its length in front; null: it is borrowed from the receive buffer.
    std::shared_ptr<std::byte[]> storage = nullptr;
    unsigned duplications = 0;  ///< how often it has been duplicated

    /// Copies a borrowed frame.
    void own();
    /// Inverts a bit, counted from the first of the frame, in a copy that no other packet has.
    void invert(std::size_t bit);

private:
    void copy();
};

using Packets = std::vector<Packet>;

}  // namespace charioteer::vlan::fault
