#include "machine/machine.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "io/with_reminder.hpp"
#include "machine/diagnostics.hpp"
#include "machine/migration.hpp"
#include "machine/shell_greeting.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Limits under KVM of steps for which upstream has no limit; under TCG five times as long.
constexpr auto crash_limit = 10s;
constexpr auto terminate_grace = 5s;
constexpr auto power_off_limit = 10s;
constexpr auto agent_start_limit = 60s;
/// For removing the sockets in the state directory at the end.
constexpr auto removal_limit = 2s;
/// The socket of the shell server; python/charioteer/testing/shell_servers.py searches for it.
constexpr auto shell_socket_name = "terminal";

void empty_directory(const std::filesystem::path& directory) {
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
        if (entry.path().filename() == "lock") continue;
        std::filesystem::remove_all(entry.path(), failure);
        if (failure) break;
    }
    if (failure)
        throw io::system_error(fmt::format("cannot empty the directory {}", directory.string()),
                               failure.value());
}

MachineParts make_parts(std::shared_ptr<Context> context) {
    MachineParts parts;
    parts.context = context;
    parts.agent = parts.qemu_agent = std::make_shared<QemuAgent>(context);
    parts.runner = parts.guest_runner = std::make_shared<GuestRunner>(context, parts.agent);
    parts.waiter = std::make_shared<Waiter>(context, parts.agent, parts.runner);
    parts.units = std::make_shared<UnitWatcher>(context, parts.agent, parts.runner);
    parts.copier = std::make_shared<Copier>(context, parts.agent, parts.runner);
    parts.monitor = std::make_shared<Monitor>(context);
    parts.keyboard = std::make_shared<Keyboard>(
        context->time(),
        [monitor = parts.monitor](std::string line) { return monitor->human(std::move(line)); });
    parts.screen = std::make_shared<ScreenCapture>(context, parts.monitor);
    parts.saver = std::make_shared<GuestSaver>(context, parts.monitor);
    return parts;
}

asio::awaitable<void> until_ended(std::shared_ptr<Qemu> qemu, io::Deadline deadline) {
    co_await qemu->child().wait(deadline);
}

}  // namespace

Machine::Machine(MachineConfig config, std::shared_ptr<Host> host, io::EventSink sink)
    : launch_ended_(host->executor()) {
    // Paths of QEMU's sockets may be too long; this is checked before any file is created.
    io::check_socket_path(config.state_directory / shell_socket_name);
    claim_ = host->claim(config.state_directory);
    if (!config.keep_state) empty_directory(claim_.path());
    context_ = std::make_shared<Context>(std::move(config), std::move(host), std::move(sink));
    parts_ = make_parts(context_);
}

asio::awaitable<void> Machine::yield_directory() {
    if (context_->qemu() || launcher_)
        throw io::UsageError(
            fmt::format("{} is running and keeps {}", name(), config().state_directory.string()));
    claim_.release();
    yielded_ = true;
    co_return;
}

void Machine::claim_directory() {
    if (!yielded_) return;
    claim_ = context_->host().claim(config().state_directory);
    yielded_ = false;
}

asio::awaitable<void> Machine::start(StartOptions options) {
    while (launcher_) co_await launch_ended_.wait();
    if (booted) co_return;
    launcher_ = std::make_shared<Launcher>(context_, claim_);
    std::exception_ptr failure;
    try {
        co_await launch(std::move(options));
    } catch (io::Error& error) {
        error.add_context(name());
        failure = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
    }
    launcher_.reset();
    if (failure && state_ == State::launching) state_ = State::off;
    launch_ended_.notify_all();
    if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> Machine::launch(StartOptions options) {
    auto launcher = launcher_;
    if (state_ == State::released) launcher->abort();
    launcher->check_aborted();
    co_await launcher->check_start_command(options);
    co_await launcher->choose_accelerator(options);
    // A script that sets `booted` to false may not have waited for the end of the run before.
    if (context_->qemu()) co_await end_qemu();
    if (state_ != State::released) state_ = State::launching;
    context_->set_environment(options.environment);
    context_->log("starting vm");
    context_->console()->reset();
    auto mode =
        parse_channel_mode(process::find_variable(options.environment, "CHARIOTEER_CHANNEL"));
    options.agent = mode != ChannelMode::plain;
    parts_.qemu_agent->begin_life(mode);
    forget_boot();
    auto saved_state = options.saved_state;
    auto qemu = co_await launcher->launch(std::move(options));
    adopt(std::move(qemu));
    if (!saved_state.empty()) co_await load(std::move(saved_state));
}

asio::awaitable<void> Machine::load_state(std::filesystem::path file, StartOptions options) {
    while (launcher_) co_await launch_ended_.wait();
    if (booted)
        throw io::UsageError(fmt::format("{} runs: end it before a state is loaded", name()));
    options.saved_state = std::move(file);
    co_await start(std::move(options));
}

asio::awaitable<void> Machine::load(std::filesystem::path file) {
    auto qemu = context_->qemu();
    std::exception_ptr failure;
    std::string reason;
    try {
        co_await load_into(qemu, file);
    } catch (const io::Error& error) {
        reason = error.what();
    } catch (...) {
        failure = std::current_exception();
    }
    if (reason.empty() && !failure) co_return;
    // Waits for QEMU's end also when the call was cancelled.
    co_await asio::this_coro::reset_cancellation_state();
    qemu->child().kill();
    co_await qemu->child().wait(context_->time().deadline_after(crash_limit));
    forget_qemu();
    if (failure) std::rethrow_exception(failure);
    auto output = qemu->child().last_output();
    if (output.ends_with('\n')) output.remove_suffix(1);
    throw io::Error(fmt::format("loading its state from {}: {}{}{}", file.native(), reason,
                                output.empty() ? "" : "\n", output));
}

asio::awaitable<void> Machine::load_into(std::shared_ptr<Qemu> qemu, std::filesystem::path file) {
    qemu->guest().set_stopped();
    if (qemu->agent()) qemu->agent()->expect_saved_agent();
    Migration migration(qemu->share_qmp(), context_->time(),
                        context_->accelerator().limit_factor());
    migration.expect_supported();
    auto measure = [file] {
        std::error_code failure;
        auto size = std::filesystem::file_size(file, failure);
        return failure ? 0 : size;  // QEMU reports the reason
    };
    auto size = co_await context_->host().disk().run(std::move(measure));
    co_await migration.load(std::move(file), size);
    if (state_ == State::booting) state_ = State::running;
    connected = true;
}

void Machine::adopt(std::shared_ptr<Qemu> qemu) {
    context_->set_qemu(qemu);
    if (state_ == State::launching) state_ = State::booting;
    // What was found out about the guest may not be true in its restored state.
    qemu->guest().on_restored(
        [agent = std::weak_ptr(parts_.qemu_agent), copier = std::weak_ptr(parts_.copier)] {
            if (auto held = agent.lock()) held->forget_failure();
            if (auto held = copier.lock()) held->forget_share();
        });
    qemu->shell().on_wait([context = std::weak_ptr(context_)](io::Duration so_far) {
        if (auto held = context.lock())
            held->log(
                fmt::format("waiting for the guest's root shell, which an earlier command uses, "
                            "for {:.0f} s so far",
                            io::seconds(so_far)));
    });
    shell_server_ = open_shell_server();
    last_process_ = qemu->share_child();
    booted = true;
    context_->log(fmt::format("QEMU running (pid {})", qemu->child().pid()));
}

std::shared_ptr<terminal::ShellServer> Machine::open_shell_server() {
    terminal::Begin begin =
        [machine = weak_from_this()](
            command::Command command) -> asio::awaitable<std::shared_ptr<channel::Call>> {
        auto self = machine.lock();
        if (!self) throw io::Error("the machine does not exist any more");
        co_return co_await self->parts_.agent->begin(std::move(command));
    };
    try {
        return terminal::ShellServer::open(context_->executor(), claim_.path() / shell_socket_name,
                                           std::move(begin), context_->time());
    } catch (const io::Error& error) {
        context_->warn(fmt::format("`charioteer shell` is unavailable: {}", error.what()));
        return nullptr;
    }
}

asio::awaitable<void> Machine::connect(StartOptions options) {
    if (connected) co_return;
    // Only one call waits for the greeting, since the guest sends one.
    auto operation = [self = shared_from_this(), options = std::move(options)] {
        return self->connect_once(options);
    };
    co_await connecting_.run(std::move(operation));
}

asio::awaitable<void> Machine::connect_once(StartOptions options) {
    co_await start(std::move(options));
    Diagnostics diagnostics(context_);
    try {
        co_await wait_for_guest();
    } catch (const io::TimeoutError& error) {
        ShellError late(fmt::format("{}: Shell did not start in time: {}", name(), error.what()));
        diagnostics.annotate(late);
        throw late;
    } catch (const io::Error& error) {
        ShellError lost(fmt::format("{}: {}", name(), error.what()));
        diagnostics.annotate(lost);
        throw lost;
    }
}

asio::awaitable<void> Machine::wait_for_guest() {
    ShellGreeting greeting(context_);
    co_await greeting.wait();
    forget_boot();
    co_await parts_.qemu_agent->start(agent_start_limit, io::Deadline::never());
    if (state_ == State::booting) state_ = State::running;
    connected = true;
}

/// Forgets what was found out about the guest, which has booted or rebooted.
void Machine::forget_boot() {
    parts_.qemu_agent->forget_failure();
    parts_.copier->forget_share();
    parts_.units->forget_managers();
}

asio::awaitable<void> Machine::power_off() {
    if (!booted) co_return;
    auto qemu = context_->running_qemu();
    try {
        auto deadline = context_->deadline_after(power_off_limit);
        co_await qemu->shell().send_raw("poweroff\n", deadline);
    } catch (const io::ConnectionLost&) {
        // The machine is off already.
        if (!qemu->child().status()) throw;
    }
}

asio::awaitable<void> Machine::crash() {
    if (booted && context_->qemu()) co_await end_qemu();
    booted = false;
}

asio::awaitable<void> Machine::end_qemu() {
    auto qemu = context_->qemu();
    auto limit = [this] { return context_->time().deadline_after(crash_limit); };
    try {
        co_await qemu->qmp().execute("quit", {}, limit());
        co_await qemu->child().wait(limit());
    } catch (const io::Error&) {
        // QEMU may end before it answers, or hang: then it is killed below.
        qemu->child().kill();
    }
    co_await qemu->child().wait(limit());
    if (qemu == context_->qemu()) forget_qemu();
}

asio::awaitable<void> Machine::wait_for_shutdown(io::Deadline deadline) {
    auto qemu = booted ? context_->qemu() : nullptr;
    // Scripts set `booted` themselves.
    if (!qemu) booted = false;
    if (!qemu) co_return;
    auto remind = [this](io::Duration so_far) {
        context_->log(
            fmt::format("waiting for QEMU to end, for {:.0f} s so far", io::seconds(so_far)));
    };
    try {
        co_await io::with_reminder(until_ended(qemu, deadline), context_->time(), remind);
    } catch (io::TimeoutError& error) {
        error.add_context(name());
        Diagnostics(context_).annotate(error);
        throw;
    }
    auto state = co_await qemu->final_state();
    context_->log(std::move(state));
    if (qemu == context_->qemu()) forget_qemu();
}

void Machine::forget_qemu() {
    context_->console()->finish();
    if (shell_server_) shell_server_->close();
    shell_server_.reset();
    if (const auto& qemu = context_->qemu()) qemu->close();
    context_->set_qemu(nullptr);
    if (state_ != State::released) state_ = State::off;
    booted = false;
    connected = false;
}

asio::awaitable<void> Machine::remove_sockets() {
    auto still_ours = std::make_shared<std::atomic<bool>>(true);
    auto remove = [still_ours, sockets = Sockets(config().state_directory)] {
        std::error_code ignored;
        for (const auto& path : {sockets.monitor, sockets.qmp, sockets.shell, sockets.agent})
            if (*still_ours) std::filesystem::remove(path, ignored);
    };
    auto deadline = context_->time().deadline_after(removal_limit);
    try {
        co_await deadline.limit(context_->host().disk().run(std::move(remove)),
                                "the sockets were not removed");
    } catch (const io::TimeoutError&) {
        // The next start, which may be of another driver, replaces the sockets.
        *still_ours = false;
    } catch (const io::Interrupted&) {
        // The driver ends: its disk threads accept no more work.
    }
}

asio::awaitable<void> Machine::release() {
    state_ = State::released;
    if (launcher_) launcher_->abort();
    while (launcher_) co_await launch_ended_.wait();
    std::exception_ptr failure;
    if (auto qemu = context_->qemu()) {
        try {
            co_await qemu->child().terminate(terminate_grace);
        } catch (const io::TimeoutError&) {
            failure = std::current_exception();
        }
        forget_qemu();
    }
    // Sockets in a directory that was yielded are those of another machine.
    if (!yielded_) co_await remove_sockets();
    claim_.release();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace charioteer::machine
