#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "files/disk.hpp"
#include "io/time_source.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;

enum class Accelerator { kvm, tcg };

struct AcceleratorChoice {
    Accelerator accelerator = Accelerator::tcg;
    bool by_hand = false;  ///< the user has chosen it
    std::string reason;

    /// How much longer the driver's own limits are than under KVM.
    int limit_factor() const noexcept { return accelerator == Accelerator::tcg ? 5 : 1; }
    /// "KVM: a tiny guest ran" and the like, for the log.
    std::string describe() const;
};

/// The choice, if it can be made without running a guest. `wanted` is $CHARIOTEER_ACCEL, `cpuinfo`
/// the text of /proc/cpuinfo. None if KVM has to be tried. Throws io::UsageError for an unknown
/// `wanted`.
std::optional<AcceleratorChoice> decide_accelerator(std::string_view wanted,
                                                    std::string_view cpuinfo,
                                                    bool kvm_device_opens);

/// The kernel's files about this host.
struct AcceleratorFiles {
    std::string cpuinfo = "/proc/cpuinfo";
    std::string kvm_device = "/dev/kvm";
};

/// Finds out which accelerator works on this host, if necessary by running a tiny guest under KVM,
/// which takes 2 s at most. `wanted` as above; `files` are opened on a thread of `disk`. Io thread
/// only.
asio::awaitable<AcceleratorChoice> choose_accelerator(std::string wanted, files::Disk& disk,
                                                      io::TimeSource& time, AcceleratorFiles files);

}  // namespace charioteer::machine
