#include "session/network.hpp"

#include <fmt/format.h>

namespace charioteer::session {

Network::Network(int number, const std::filesystem::path& directory, machine::Host& host,
                 io::EventSink sink, vlan::VlanSettings settings)
    : claim_(host.claim(directory / fmt::format("vde{}.ctl", number))),
      vlan_(std::make_unique<vlan::Vlan>(number, directory, std::move(sink), std::move(settings))) {
}

void Network::stop(vlan::StopLimits limits) noexcept {
    vlan_->stop(limits);
    claim_.release();
}

}  // namespace charioteer::session
