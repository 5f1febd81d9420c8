#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "command/limit.hpp"
#include "io/event.hpp"
#include "machine/console.hpp"
#include "machine/errors.hpp"
#include "machine/host.hpp"
#include "machine/qemu.hpp"

namespace charioteer::machine {

using command::Limit;

struct MachineConfig {
    std::string name;
    std::string start_command;  ///< a shell command, usually the path of run-NAME-vm
    std::filesystem::path state_directory;
    std::filesystem::path shared_directory;  ///< start scripts mount it at /tmp/shared in the guest
    bool keep_state = false;                 ///< whether files of an earlier run are kept
    bool is_container = false;               ///< it never has a QEMU
};

/// What the parts of one machine share: its configuration, its console, its QEMU while one runs,
/// and the log. Io thread only, except config() and name().
class Context {
public:
    Context(MachineConfig config, std::shared_ptr<Host> host, io::EventSink sink);
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    const MachineConfig& config() const noexcept { return config_; }
    const std::string& name() const noexcept { return config_.name; }
    Host& host() const noexcept { return *host_; }
    const std::shared_ptr<Host>& share_host() const noexcept { return host_; }
    io::TimeSource& time() const noexcept { return host_->time(); }
    const asio::any_io_executor& executor() const noexcept { return host_->executor(); }
    const std::shared_ptr<Console>& console() const noexcept { return console_; }

    /// Null while none runs.
    const std::shared_ptr<Qemu>& qemu() const noexcept { return qemu_; }
    /// Throws NotRunning.
    const std::shared_ptr<Qemu>& running_qemu() const;
    void set_qemu(std::shared_ptr<Qemu> qemu) { qemu_ = std::move(qemu); }

    /// The accelerator of the last start.
    const AcceleratorChoice& accelerator() const noexcept { return accelerator_; }
    void set_accelerator(AcceleratorChoice choice) { accelerator_ = std::move(choice); }
    /// The deadline of a step of the driver; `limit` is for KVM, and is increased under TCG.
    io::Deadline deadline_after(io::Duration limit) const;

    /// The environment of the caller of the last start, as NAME=value.
    const std::vector<std::string>& environment() const noexcept { return environment_; }
    void set_environment(std::vector<std::string> variables) {
        environment_ = std::move(variables);
    }

    void log(std::string text) const;
    /// Logs each line of a command's output.
    void log_output(std::string_view output) const;
    void warn(std::string text) const;
    const io::EventSink& sink() const noexcept { return sink_; }

private:
    MachineConfig config_;
    std::shared_ptr<Host> host_;
    io::EventSink sink_;
    std::shared_ptr<Console> console_;
    std::shared_ptr<Qemu> qemu_;
    AcceleratorChoice accelerator_;
    std::vector<std::string> environment_;
};

}  // namespace charioteer::machine
