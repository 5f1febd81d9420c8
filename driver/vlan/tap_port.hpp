#pragma once

#include <memory>
#include <string>

#include "vlan/port.hpp"

namespace charioteer::vlan {

/// Creates the tap device `name`, which exists as long as the descriptor is open; each read or
/// write transfers one frame. Throws io::Error, which names missing privileges or a name in use.
io::UniqueFd open_tap(const std::string& name);

/// A tap device as a plug, which connects the segment to a bridge of the kernel and so to
/// containers.
class TapPort : public Port {
public:
    TapPort(io::UniqueFd device, LiveCounters& counters);

    Link receive(std::vector<Frame>& frames) override;
    void send(std::span<const Frame> frames) override;
    void drain() override;

private:
    std::unique_ptr<std::byte[]> buffers_;
};

}  // namespace charioteer::vlan
