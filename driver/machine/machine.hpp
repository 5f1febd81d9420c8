#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "machine/context.hpp"
#include "machine/guest_parts.hpp"
#include "machine/guest_runner.hpp"
#include "machine/keyboard.hpp"
#include "machine/launcher.hpp"
#include "machine/monitor.hpp"
#include "machine/qemu_agent.hpp"
#include "machine/screen_capture.hpp"
#include "process/directory_claims.hpp"
#include "terminal/shell_server.hpp"

namespace charioteer::machine {

/// Where a machine is in its life. That its guest is stopped by the monitor is not one of these
/// states: it may be stopped while it boots and while it runs, and goes on from there, so that
/// GuestState::stopped() has it.
enum class State {
    off,        ///< no QEMU runs
    launching,  ///< its start script runs, and QEMU has not connected yet
    booting,    ///< QEMU runs, and connect() has not succeeded since its start
    running,    ///< QEMU runs, and the guest has taken commands
    released,   ///< for good
};

/// What a machine can be asked to do beside its life cycle. The machine owns the parts; they are
/// usable on the io thread while the machine is held.
struct MachineParts : GuestParts {
    std::shared_ptr<QemuAgent> qemu_agent;      ///< `agent`
    std::shared_ptr<GuestRunner> guest_runner;  ///< `runner`
    std::shared_ptr<Monitor> monitor;
    std::shared_ptr<Keyboard> keyboard;
    std::shared_ptr<ScreenCapture> screen;
};

/// The life cycle of one virtual machine. Coroutines are for the io thread and need the object to
/// be held while they run; all else is for any thread unless stated.
///
/// Errors name the machine; Diagnostics adds what is known about it.
class Machine : public std::enable_shared_from_this<Machine> {
public:
    /// Claims the state directory and, unless state is kept, empties it. Throws io::UsageError
    /// naming the process that uses it, io::Error.
    Machine(MachineConfig config, std::shared_ptr<Host> host, io::EventSink sink);
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    const std::string& name() const noexcept { return parts_.context->name(); }
    const MachineConfig& config() const noexcept { return parts_.context->config(); }
    const MachineParts& parts() const noexcept { return parts_; }
    /// Io thread.
    State state() const noexcept { return state_; }

    /// What the test script takes to be so (driver contract, section 3): start() sets `booted` and
    /// connect() sets `connected`, and scripts set both as they like. `booted` without a QEMU runs
    /// nothing; after `booted = false` the next start ends the QEMU that runs. `connected = false`
    /// has the next command wait for a greeting.
    std::atomic<bool> booted = false;
    std::atomic<bool> connected = false;

    /// No-op when booted. Throws io::UsageError for a start command that cannot work and after
    /// release(), io::Error.
    asio::awaitable<void> start(StartOptions options);
    /// Starts the machine if need be, with `options`, and waits for its root shell. Throws
    /// ShellError when it does not come, and as start().
    asio::awaitable<void> connect(StartOptions options);
    /// Lets another machine have the state directory. Throws io::UsageError while QEMU runs.
    asio::awaitable<void> yield_directory();
    /// Claims it again before a start; no-op unless it was yielded. Not on the io thread, for it
    /// waits as the constructor does, and throws the same.
    void claim_directory();
    /// Has the root shell power the guest off, and does not wait. No-op when QEMU has ended.
    asio::awaitable<void> power_off();
    /// Ends QEMU as a pulled plug would. Returns when it is gone. Throws io::TimeoutError when
    /// even SIGKILL does not end it.
    asio::awaitable<void> crash();
    /// Waits for QEMU to end, and forgets its connections. Throws io::TimeoutError.
    asio::awaitable<void> wait_for_shutdown(io::Deadline deadline);
    /// Ends QEMU, gently at first unless it is still starting, and closes everything; for good.
    /// Idempotent. Throws io::TimeoutError as crash() does.
    asio::awaitable<void> release();
    /// The process of the last start, or null before the first. Io thread.
    const std::shared_ptr<process::Child>& process() const noexcept { return last_process_; }

private:
    asio::awaitable<void> launch(StartOptions options);
    void adopt(std::shared_ptr<Qemu> qemu);
    std::shared_ptr<terminal::ShellServer> open_shell_server();
    asio::awaitable<void> wait_for_guest();
    void forget_boot();
    asio::awaitable<void> end_qemu();
    asio::awaitable<void> remove_sockets();
    void forget_qemu();

    MachineParts parts_;
    std::shared_ptr<Context> context_;
    process::ClaimedDirectory claim_;
    std::atomic<bool> yielded_ = false;  ///< the claim was
    State state_ = State::off;
    std::shared_ptr<Launcher> launcher_;  ///< while a start is under way
    io::Condition launch_ended_;
    std::shared_ptr<process::Child> last_process_;
    std::shared_ptr<terminal::ShellServer> shell_server_;  ///< while QEMU runs
};

}  // namespace charioteer::machine
