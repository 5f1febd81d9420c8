#include "machine/machine.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "io/printable.hpp"
#include "io/with_reminder.hpp"
#include "machine/output_holders.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Limits of steps that upstream waits for without any, under KVM; under TCG five times as long.
/// A start script may format disks before QEMU runs.
constexpr auto launch_limit = 120s;
constexpr auto crash_limit = 10s;
constexpr auto terminate_grace = 5s;
constexpr auto power_off_limit = 10s;
/// Of the socket for shells; python/charioteer/testing/shell_servers.py looks for it.
constexpr auto door_name = "terminal";

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

int major_version(const std::string& version) {
    int major = 0;
    std::from_chars(version.data(), version.data() + version.size(), major);
    return major;
}

}  // namespace

Machine::Machine(MachineConfig config, std::shared_ptr<Host> host, io::EventSink sink)
    : config_(std::move(config)),
      host_(std::move(host)),
      sink_(std::move(sink)),
      started_(host_->executor()) {
    // QEMU's own sockets need room in the path; this says so before anything is made.
    io::check_socket_path(config_.state_directory / door_name);
    claim_ = host_->claim(config_.state_directory);
    if (!config_.keep_state) empty_directory(claim_.path());
    auto tell_line = [sink = sink_, name = config_.name](const std::string& line) {
        sink({io::EventKind::serial, name, line});
    };
    console_ = Console::make(host_->executor(), host_->time(), tell_line);
}

void Machine::log(std::string text) const {
    sink_({io::EventKind::log, config_.name, std::move(text)});
}

io::Deadline Machine::own_deadline(io::Duration limit) const {
    return host_->time().deadline_after(limit * accelerator_.patience());
}

void Machine::tell_facts(io::Error& error) const {
    if (instance_) error.add_note(instance_->state());
    if (accelerator_.accelerator == Accelerator::tcg) error.add_note(accelerator_.describe());
    auto lines = console_->last_lines(10);
    if (lines.empty()) return;
    std::string block = "last lines of the console:";
    for (const auto& line : lines) block += "\n  " + io::printable(line, io::Colours::drop);
    error.add_note(std::move(block));
}

Instance& Machine::running() {
    if (!instance_) throw NotRunning(fmt::format("{} is not running: start it first", name()));
    return *instance_;
}

const std::string& Machine::start_command(const StartOptions& options) const {
    return options.command.empty() ? config_.start_command : options.command;
}

asio::awaitable<void> Machine::yield_directory() {
    if (instance_ || starting_)
        throw io::UsageError(
            fmt::format("{} is running and keeps {}", name(), config_.state_directory.string()));
    claim_.release();
    yielded_ = true;
    co_return;
}

void Machine::claim_directory() {
    if (!yielded_) return;
    claim_ = host_->claim(config_.state_directory);
    yielded_ = false;
}

std::shared_ptr<process::Child> Machine::process() const {
    return last_process_;
}

asio::awaitable<void> Machine::add_accelerator(StartOptions& options) {
    std::string wanted(process::find_variable(options.environment, "CHARIOTEER_ACCEL"));
    accelerator_ = co_await host_->accelerator(std::move(wanted), sink_);
    bool kvm = accelerator_.accelerator == Accelerator::kvm;
    // Start scripts ask for kvm:tcg: where KVM works there is nothing to change.
    if (kvm && !accelerator_.by_hand) co_return;
    if (uses_accel_option(start_command(options))) {
        sink_({io::EventKind::warning, name(),
               fmt::format("the start script chooses its accelerator by -accel, which the driver "
                           "cannot change to {}; let it use -machine accel=kvm:tcg",
                           kvm ? "kvm" : "tcg")});
        co_return;
    }
    options.arguments.insert(options.arguments.begin(),
                             {"-machine", kvm ? "accel=kvm" : "accel=tcg"});
}

void Machine::warn_of_old_qemu() {
    const auto& version = instance_->qmp().version();
    if (accelerator_.accelerator != Accelerator::tcg || major_version(version) >= 8) return;
    if (!host_->first_to_warn_of_old_qemu()) return;
    sink_({io::EventKind::warning,
           {},
           fmt::format("QEMU {} crashes one guest kernel in six at boot under TCG; use QEMU 8 or "
                       "newer (on Debian 12 from bookworm-backports)",
                       version)});
}

asio::awaitable<void> Machine::start(StartOptions options) {
    while (starting_) co_await started_.wait();
    if (booted) co_return;
    starting_ = true;
    std::exception_ptr failure;
    try {
        co_await launch(std::move(options));
    } catch (io::Error& error) {
        error.add_context(name());
        failure = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
    }
    launching_.reset();
    starting_ = false;
    started_.notify_all();
    if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> Machine::launch(StartOptions options) {
    auto refuse_when_released = [this] {
        if (releasing_) throw io::UsageError("it was released, which ends a machine for good");
    };
    refuse_when_released();
    check_start_command(start_command(options));
    co_await add_accelerator(options);
    // A script that sets `booted` to false may not have waited for the end of the run before.
    if (instance_) co_await end_instance();
    environment_ = options.environment;
    log("starting vm");
    console_->reset();
    share_mounted_.reset();
    channel_mode_ =
        parse_channel_mode(process::find_variable(options.environment, "CHARIOTEER_CHANNEL"));
    options.agent = channel_mode_ != ChannelMode::plain;
    no_agent_.reset();
    unit_managers_.clear();
    LaunchPlan plan;
    plan.agent = options.agent;
    plan.holder_limit = parse_holder_limit(
        process::find_variable(options.environment, "CHARIOTEER_OUTPUT_HOLDER_LIMIT"));
    plan.name = name();
    plan.directory = claim_.path();
    plan.command = launch_command(start_command(options), Sockets(plan.directory), options);
    plan.environment = std::move(options.environment);
    if (options.full_command.empty())
        plan.environment = launch_environment(std::move(plan.environment), name(), plan.directory,
                                              config_.shared_directory);
    plan.lock = claim_.lock();
    refuse_when_released();
    auto warn = [sink = sink_, name = name()](std::string text) {
        sink({io::EventKind::warning, name, std::move(text)});
    };
    launching_ = std::make_shared<Instance>(console_, host_, std::move(warn));
    try {
        co_await launching_->launch(std::move(plan), own_deadline(launch_limit));
    } catch (io::Error& error) {
        if (auto hint = quoting_hint(claim_.path()); !hint.empty()) error.add_note(std::move(hint));
        throw;
    }
    instance_ = launching_;
    instance_->guest().on_restored([weak = weak_from_this()] {
        if (auto self = weak.lock()) self->forget_guest();
    });
    instance_->shell().on_wait([sink = sink_, name = name()](io::Duration so_far) {
        sink({io::EventKind::log, name,
              fmt::format("waiting for the guest's root shell, which an earlier command has, for "
                          "{:.0f} s so far",
                          io::seconds(so_far))});
    });
    door_ = open_door();
    last_process_ = instance_->share_child();
    booted = true;
    warn_of_old_qemu();
    log(fmt::format("QEMU running (pid {})", instance_->child().pid()));
}

std::shared_ptr<terminal::Door> Machine::open_door() {
    terminal::Begin begin =
        [machine = weak_from_this()](
            channel::Request request) -> asio::awaitable<std::shared_ptr<channel::Call>> {
        auto self = machine.lock();
        if (!self) throw io::Error("the machine is gone");
        co_return co_await self->begin(std::move(request));
    };
    try {
        return terminal::Door::open(host_->executor(), claim_.path() / door_name, std::move(begin),
                                    host_->time());
    } catch (const io::Error& error) {
        sink_({io::EventKind::warning, name(),
               fmt::format("nobody can log in by `charioteer shell`: {}", error.what())});
        return nullptr;
    }
}

asio::awaitable<void> Machine::power_off() {
    if (!booted) co_return;
    running();
    auto instance = instance_;
    try {
        co_await instance->shell().send_raw("poweroff\n", own_deadline(power_off_limit));
    } catch (const io::ConnectionLost&) {
        // A machine that is off already needs no more.
        if (!instance->child().status()) throw;
    }
}

asio::awaitable<void> Machine::crash() {
    if (booted && instance_) co_await end_instance();
    booted = false;
}

asio::awaitable<void> Machine::end_instance() {
    auto instance = instance_;
    try {
        co_await instance->qmp().execute("quit", {}, host_->time().deadline_after(crash_limit));
        co_await instance->child().wait(host_->time().deadline_after(crash_limit));
    } catch (const io::Error&) {
        // It may be gone before it answers, or too ill to answer or to go.
        instance->child().kill();
    }
    co_await instance->child().wait(host_->time().deadline_after(crash_limit));
    if (instance == instance_) forget_instance();
}

asio::awaitable<void> Machine::until_ended(std::shared_ptr<Instance> instance,
                                           io::Deadline deadline) {
    co_await instance->child().wait(deadline);
}

asio::awaitable<void> Machine::wait_for_shutdown(io::Deadline deadline) {
    auto instance = booted ? instance_ : nullptr;
    // Scripts set `booted` themselves.
    if (!instance) booted = false;
    if (!instance) co_return;
    auto remind = [this](io::Duration so_far) {
        log(fmt::format("waiting for QEMU to end, for {:.0f} s so far", io::seconds(so_far)));
    };
    try {
        co_await io::with_reminder(until_ended(instance, deadline), host_->time(), remind);
    } catch (io::TimeoutError& error) {
        error.add_context(name());
        tell_facts(error);
        throw;
    }
    auto state = co_await instance->final_state();
    log(std::move(state));
    if (instance == instance_) forget_instance();
}

/// What was known of the guest need not be so in the state to which it went back.
void Machine::forget_guest() {
    share_mounted_.reset();
    no_agent_.reset();
}

void Machine::forget_instance() {
    console_->finish();
    if (door_) door_->close();
    door_.reset();
    if (instance_) instance_->close();
    instance_.reset();
    booted = false;
    connected = false;
}

asio::awaitable<void> Machine::release() {
    releasing_ = true;
    if (launching_) launching_->abort();
    while (starting_) co_await started_.wait();
    std::exception_ptr failure;
    if (auto instance = instance_) {
        try {
            co_await instance->child().terminate(terminate_grace);
        } catch (const io::TimeoutError&) {
            failure = std::current_exception();
        }
        forget_instance();
    }
    Sockets sockets(config_.state_directory);
    std::error_code ignored;
    for (const auto& path : {sockets.monitor, sockets.qmp, sockets.shell, sockets.agent})
        std::filesystem::remove(path, ignored);
    claim_.release();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace charioteer::machine
