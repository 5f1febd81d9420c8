#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "io/single_flight.hpp"
#include "machine/context.hpp"
#include "machine/guest_parts.hpp"
#include "machine/guest_runner.hpp"
#include "machine/guest_saver.hpp"
#include "machine/keyboard.hpp"
#include "machine/launcher.hpp"
#include "machine/monitor.hpp"
#include "machine/qemu_agent.hpp"
#include "machine/screen_capture.hpp"
#include "process/directory_claims.hpp"
#include "terminal/shell_server.hpp"

namespace charioteer::machine {

/// The state of a machine in its life cycle. A guest that is stopped by the monitor is not one of
/// these states, since it can be stopped both while it boots and while it runs: see
/// GuestState::stopped().
enum class State {
    off,        ///< no QEMU runs
    launching,  ///< its start script runs, and QEMU has not connected yet
    booting,    ///< QEMU runs, and connect() has not succeeded since its start
    running,    ///< QEMU runs, and the guest has taken commands
    released,   ///< cannot be started again
};

/// The functions of a machine beside its life cycle. The machine owns the parts; they can be used
/// on the io thread while the caller keeps the machine.
struct MachineParts : GuestParts {
    std::shared_ptr<QemuAgent> qemu_agent;      ///< `agent`
    std::shared_ptr<GuestRunner> guest_runner;  ///< `runner`
    std::shared_ptr<Monitor> monitor;
    std::shared_ptr<Keyboard> keyboard;
    std::shared_ptr<ScreenCapture> screen;
    std::shared_ptr<GuestSaver> saver;
};

/// The life cycle of one virtual machine. Coroutines are for the io thread, and the caller keeps
/// the object while they run; other functions can be called on any thread unless stated.
///
/// Errors name the machine; Diagnostics adds notes about its state.
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

    /// The state as the test script sees it (driver contract, section 3): start() sets `booted` and
    /// connect() sets `connected`, and scripts may assign both. `booted` without a QEMU runs
    /// nothing; after `booted = false` the next start ends the QEMU that runs. After `connected =
    /// false` the next command waits for a greeting.
    std::atomic<bool> booted = false;
    std::atomic<bool> connected = false;

    /// No-op when booted. Throws io::UsageError for a start command that cannot work and after
    /// release(), io::Error.
    asio::awaitable<void> start(StartOptions options);
    /// Starts the machine if need be, with `options`, and waits for its root shell. Throws
    /// ShellError when it does not come, and as start().
    asio::awaitable<void> connect(StartOptions options);
    /// Starts the machine with `options` and the state that GuestSaver::save() has written to
    /// `file`, an absolute path. The guest is stopped then, and GuestSaver::resume() continues it:
    /// its shell and its agent take commands without a greeting. Throws io::UsageError when the
    /// machine runs, io::Error with QEMU's last output when the file cannot be loaded, and as
    /// start(); QEMU has ended then.
    asio::awaitable<void> load_state(std::filesystem::path file, StartOptions options);
    /// Releases the state directory for another machine. Throws io::UsageError while QEMU runs.
    asio::awaitable<void> yield_directory();
    /// Claims it again before a start; no-op unless it was yielded. Not on the io thread, because
    /// it waits and throws as the constructor does.
    void claim_directory();
    /// Powers the guest off by its root shell, and does not wait. No-op when QEMU has ended.
    asio::awaitable<void> power_off();
    /// Ends QEMU at once, as a power failure does. Returns when it has ended. Throws
    /// io::TimeoutError when even SIGKILL does not end it.
    asio::awaitable<void> crash();
    /// Waits for QEMU to end, and forgets its connections. Throws io::TimeoutError.
    asio::awaitable<void> wait_for_shutdown(io::Deadline deadline);
    /// Ends QEMU, at first by SIGTERM unless it is still starting, and closes all connections. The
    /// machine cannot be started again. Idempotent. Throws io::TimeoutError as crash() does.
    asio::awaitable<void> release();
    /// The process of the last start, or null before the first. Io thread.
    const std::shared_ptr<process::Child>& process() const noexcept { return last_process_; }

private:
    asio::awaitable<void> launch(StartOptions options);
    void adopt(std::shared_ptr<Qemu> qemu);
    asio::awaitable<void> load(std::filesystem::path file);
    asio::awaitable<void> load_into(std::shared_ptr<Qemu> qemu, std::filesystem::path file);
    std::shared_ptr<terminal::ShellServer> open_shell_server();
    asio::awaitable<void> connect_once(StartOptions options);
    asio::awaitable<void> wait_for_guest();
    void forget_boot();
    asio::awaitable<void> end_qemu();
    asio::awaitable<void> remove_sockets();
    void forget_qemu();

    MachineParts parts_;
    std::shared_ptr<Context> context_;
    process::ClaimedDirectory claim_;
    std::atomic<bool> yielded_ = false;  ///< whether the state directory is released
    State state_ = State::off;
    std::shared_ptr<Launcher> launcher_;  ///< during a start
    io::Condition launch_ended_;
    io::SingleFlight<> connecting_;
    std::shared_ptr<process::Child> last_process_;
    std::shared_ptr<terminal::ShellServer> shell_server_;  ///< while QEMU runs
};

}  // namespace charioteer::machine
