#pragma once

#include <memory>
#include <string>

#include "vlan/port.hpp"

namespace charioteer::vlan {

/// Makes the tap device `name` of the kernel, which goes with the descriptor; read and write move
/// one frame each. Throws io::Error, which names a lack of privileges and a name that is in use.
io::UniqueFd open_tap(const std::string& name);

/// A plug that is a tap device, by which the segment reaches a bridge of the kernel and with it
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
