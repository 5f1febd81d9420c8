#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "capture_handle.hpp"
#include "session/network.hpp"
#include "vlan/fault/fault.hpp"

namespace charioteer::python {

/// The Python object of a VLAN. Throws io::Error, io::TimeoutError when its thread does not answer.
class VlanHandle {
public:
    VlanHandle(int number, const std::string& directory, const std::shared_ptr<Reporter>& reporter,
               const std::string& tap);
    VlanHandle(VlanHandle&&) = default;
    VlanHandle& operator=(VlanHandle&&) = delete;
    ~VlanHandle();

    int number() const noexcept { return number_; }
    const std::shared_ptr<session::Network>& network() const noexcept { return network_; }
    void stop(vlan::StopLimits limits);
    py::dict counters() const;
    /// The names of what is connected.
    std::vector<std::string> plugs() const;
    /// From now on, the last frames are kept.
    void keep_frames();
    /// Writes them to the descriptor `fd`, and closes it.
    void write_last_frames(int fd, std::string comment);
    /// Writes the frames from now on to `fd`, which is closed at the end.
    CaptureHandle capture(int fd, std::string comment);
    /// Starts a fault. `spec.seed` is that of the run. Throws io::UsageError, as ValueError.
    void add_fault(vlan::fault::Spec spec);
    void remove_fault(std::string name);
    /// `address` is text like "52:54:00:12:01:02".
    void name_address(const std::string& address, std::string machine);
    /// Duplicates the descriptors; `output`: -1 for a socket as `input`.
    std::shared_ptr<vlan::Trunk> join(int input, int output, const std::string& host);
    void end_trunk(const std::shared_ptr<vlan::Trunk>& trunk);

private:
    int number_;
    std::shared_ptr<session::Network> network_;
};

/// Defines VLAN and what belongs to it. To be called before the session is defined.
void bind_vlan(py::module_& module);

}  // namespace charioteer::python
