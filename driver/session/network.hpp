#pragma once

#include <filesystem>
#include <memory>

#include "machine/host.hpp"
#include "process/directory_claims.hpp"
#include "vlan/vlan.hpp"

namespace charioteer::session {

/// A VLAN in a directory that only this driver uses. Any thread, one at a time.
class Network {
public:
    /// `settings` as for vlan::Vlan. Throws io::UsageError, naming the process, when another
    /// running driver uses the directory.
    Network(int number, const std::filesystem::path& directory, machine::Host& host,
            io::EventSink sink, vlan::VlanSettings settings = {});

    vlan::Vlan& vlan() const noexcept { return *vlan_; }
    /// Ends it, as vlan::Vlan::stop(), and removes its files. Idempotent.
    void stop(vlan::StopLimits limits) noexcept;

private:
    process::ClaimedDirectory claim_;
    std::unique_ptr<vlan::Vlan> vlan_;
};

}  // namespace charioteer::session
