#include "machine/qemu.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fstream>
#include <iterator>
#include <optional>

#include "io/error.hpp"
#include "io/peer_buffer.hpp"
#include "io/printable.hpp"
#include "machine/agent_program.hpp"
#include "machine/output_holders.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// From the end of QEMU's sockets until its exit status is known, at most.
constexpr auto disconnect_limit = 3s;
/// For reading the events that it has sent by then.
constexpr auto last_output_limit = 1s;
/// The exit status of a start script whose machine runs on another host, when the connection to it
/// has ended. The file `lost` of the state directory has the reason then.
constexpr int connection_lost = 255;
/// For the end of a process that was killed.
constexpr auto kill_limit = 10s;
/// bash executes its last command without a fork, as on NixOS, where it is /bin/sh. dash would stay
/// the parent, and its pid and environment would be taken for QEMU's.
constexpr auto run_by_bash =
    "command -v bash > /dev/null && exec bash --posix -c \"$1\"; eval \"$1\"";
/// Bytes of the root shell's output that QEMU can send before the driver reads them.
constexpr int shell_backlog = 64 << 20;

asio::awaitable<std::string> load_program(std::shared_ptr<Host> host, std::string processor) {
    auto load = [processor] { return load_agent_program(processor); };
    co_return co_await host->disk().run(std::move(load));
}

asio::awaitable<void> await_exit(std::shared_ptr<process::Child> child) {
    co_await child->wait(io::Deadline::never());
}

}  // namespace

Qemu::Qemu(std::shared_ptr<Console> console, std::shared_ptr<Host> host,
           std::function<void(std::string text)> warn)
    : console_(std::move(console)),
      host_(std::move(host)),
      warn_(std::move(warn)),
      monitor_(host_->executor()) {}

struct Qemu::Listeners {
    io::UnixAcceptor monitor;
    io::UnixAcceptor shell;
    std::optional<io::UnixAcceptor> agent;
    std::filesystem::path qmp;  ///< a socket on which QEMU listens
};

asio::awaitable<void> Qemu::launch(LaunchPlan plan, io::Deadline deadline) {
    auto self = shared_from_this();
    Sockets sockets(plan.directory);
    auto executor = host_->executor();
    Listeners listeners{io::listen_unix(executor, sockets.monitor),
                        io::listen_unix(executor, sockets.shell), std::nullopt, sockets.qmp};
    if (plan.agent) listeners.agent = io::listen_unix(executor, sockets.agent);
    holder_limit_ = plan.holder_limit;
    directory_ = plan.directory;
    io::check_socket_path(sockets.qmp);
    co_await start_process(std::move(plan));
    std::exception_ptr failure;
    try {
        if (aborted_) abort();
        co_await unless_ended(dial_in(listeners, deadline));
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    // Waits for QEMU's end also when the call was cancelled.
    co_await asio::this_coro::reset_cancellation_state();
    bool ended_by_itself = child_->status().has_value();
    co_await give_up();
    if (ended_by_itself) throw early_end();
    std::rethrow_exception(failure);
}

asio::awaitable<void> Qemu::dial_in(Listeners& listeners, io::Deadline deadline) {
    auto& time = host_->time();
    auto accept = [&](io::UnixAcceptor& acceptor, io::UnixStream& stream, std::string_view what) {
        awaited_ = fmt::format("connecting to {} socket", what);
        return deadline.limit(acceptor.async_accept(stream, asio::use_awaitable),
                              fmt::format("QEMU did not connect to {} socket", what));
    };
    io::UnixStream shell(host_->executor());
    co_await accept(listeners.monitor, monitor_, "monitor");
    co_await accept(listeners.shell, shell, "shell");
    // QEMU discards output of a virtual console while the socket is full.
    io::enlarge_peer_buffer(shell.native_handle(), shell_backlog);
    io::UnixStream agent(host_->executor());
    if (listeners.agent) co_await accept(*listeners.agent, agent, "agent");
    asio::co_spawn(host_->executor(), drain(shared_from_this()), asio::detached);
    awaited_ = "sending a greeting on its QMP socket";
    auto qmp = co_await io::connect_unix(listeners.qmp, deadline, time);
    qmp_ = co_await qmp::Client::open(std::move(qmp), disconnect_reason(), deadline);
    guest_ = GuestState::of(*qmp_, host_->executor());
    shell_ = shell::Session::open(std::move(shell), disconnect_reason(), time);
    shell_->limit_holders(holder_limit_);
    shell_->on_holders([warn = warn_, limit = holder_limit_](const std::string& command,
                                                             const shell::Holders& holders) {
        using State = channel::HeldOutput::State;
        auto state = holders.given_up ? State::given_up : State::waiting;
        warn(describe({command, holders.names, state}, limit));
    });
    hear_of_snapshots();
    if (!listeners.agent) co_return;
    auto channel =
        channel::Channel::open(std::move(agent), disconnect_reason(), channel_settings(), time);
    channel->on_restored([guest = guest_] { guest->note_restored(); });
    auto warn = [console = console_, warn = warn_](std::string text) {
        auto lines = console->last_lines(1);
        if (!lines.empty())
            text += fmt::format("; the last line of its console: {}",
                                io::printable(lines.back(), io::Colours::drop));
        warn(std::move(text));
    };
    auto load = [host = host_](std::string processor) {
        return load_program(host, std::move(processor));
    };
    agent_ =
        PortLink::make({std::move(channel), shell_, qmp_, guest_, std::move(warn), std::move(load)},
                       host_->executor(), time);
}

/// On RESUME the guest may have been restored from a snapshot: its shell may not be prepared, and
/// it has not panicked.
void Qemu::hear_of_snapshots() {
    qmp_->on_event([weak = weak_from_this()](const json::object& event) {
        auto self = weak.lock();
        if (self && event_name(event) == "RESUME") self->shell_->prepare_again();
        return false;
    });
    guest_->on_restored([console = console_] { console->forget_panic(console->panic()); });
}

channel::Settings Qemu::channel_settings() {
    channel::Settings settings;
    settings.late_errors = [console = console_](std::string line) {
        console->add_line(std::move(line));
    };
    settings.held_output = [warn = warn_, limit = holder_limit_](const channel::HeldOutput& held) {
        warn(describe(held, limit));
    };
    settings.holder_limit = holder_limit_;
    settings.first_stream = channel::random_stream();
    return settings;
}

asio::awaitable<void> Qemu::unless_ended(asio::awaitable<void> operation) {
    bool connected = co_await io::race(std::move(operation), await_exit(child_));
    if (!connected) throw early_end();
}

io::Error Qemu::early_end() const {
    if (auto reason = loss(); !reason.empty())
        return io::Error(fmt::format("{}, before {}", reason, awaited_));
    return io::Error(fmt::format("QEMU process exited with code {} before {}.\n{}",
                                 child_->status()->returncode(), awaited_, child_->last_output()));
}

asio::awaitable<void> Qemu::give_up() {
    child_->kill();
    close();
    try {
        co_await child_->wait(host_->time().deadline_after(kill_limit));
    } catch (const io::TimeoutError&) {
        // Not reported: it is not the reason why the start failed.
    }
}

void Qemu::abort() {
    aborted_ = true;
    if (child_) child_->kill();
}

asio::awaitable<void> Qemu::start_process(LaunchPlan plan) {
    process::ProcessSpec spec;
    spec.arguments = {"/bin/sh", "-c", run_by_bash, "sh", std::move(plan.command)};
    spec.environment = std::move(plan.environment);
    spec.directory = std::move(plan.directory);
    spec.keep_open = plan.lock;
    auto feed = [console = console_](std::string_view bytes) { console->feed(bytes); };
    child_ = co_await process::Child::spawn(std::move(spec), feed, host_->time());
}

io::DisconnectReason Qemu::disconnect_reason() {
    // Weak: this object owns the client and the session, which own this function.
    return [weak = weak_from_this()]() -> asio::awaitable<std::string> {
        auto self = weak.lock();
        if (!self) co_return "the driver closed the connection";
        auto& time = self->host_->time();
        bool ended = true;
        try {
            co_await self->child_->wait(time.deadline_after(disconnect_limit));
        } catch (const io::TimeoutError&) {
            ended = false;
        }
        if (!ended) co_return "QEMU closed the connection but still runs";
        co_return co_await self->final_state();
    };
}

asio::awaitable<std::string> Qemu::final_state() {
    auto self = shared_from_this();
    auto& time = host_->time();
    try {
        if (qmp_)
            co_await time.deadline_after(last_output_limit)
                .limit(qmp_->until_ended(), "QEMU did not close its QMP socket");
    } catch (const io::TimeoutError&) {
        // Another process has the connection open.
    }
    co_return state();
}

asio::awaitable<void> Qemu::drain(std::shared_ptr<Qemu> self) {
    std::array<char, 4096> buffer{};
    boost::system::error_code failure;
    while (!failure)
        co_await self->monitor_.async_read_some(asio::buffer(buffer),
                                                asio::redirect_error(asio::use_awaitable, failure));
}

std::string Qemu::state() const {
    if (!child_->status()) {
        auto guest = guest_ ? guest_->describe() : std::string();
        return fmt::format("QEMU still runs (pid {}){}{}", child_->pid(), guest.empty() ? "" : "; ",
                           guest);
    }
    if (auto reason = loss(); !reason.empty()) return reason;
    auto text = fmt::format("QEMU {}", child_->status()->describe());
    if (guest_ && !guest_->why_ended().empty()) text += ": " + guest_->why_ended();
    return text;
}

std::string Qemu::loss() const {
    if (child_->status()->code != connection_lost) return {};
    std::ifstream file(directory_ / "lost");
    return {std::istreambuf_iterator<char>(file), {}};
}

void Qemu::close() {
    boost::system::error_code ignored;
    monitor_.close(ignored);
    if (qmp_) qmp_->close();
    if (shell_) shell_->close();
    if (agent_) agent_->channel().close();
}

}  // namespace charioteer::machine
