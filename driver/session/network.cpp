#include "session/network.hpp"

#include <fmt/format.h>

namespace charioteer::session {

Network::Network(int number, const std::filesystem::path& directory, machine::Host& host,
                 io::EventSink sink, const std::string& tap)
    : claim_(host.claim(directory / fmt::format("vde{}.ctl", number))),
      vlan_(std::make_unique<vlan::Vlan>(number, directory, std::move(sink), tap)) {}

void Network::stop() noexcept {
    vlan_->stop();
    claim_.release();
}

}  // namespace charioteer::session
