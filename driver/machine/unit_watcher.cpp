#include "machine/unit_watcher.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/backoff.hpp"
#include "machine/liveness.hpp"
#include "machine/systemd.hpp"
#include "machine/tunnel.hpp"
#include "shell/bash_words.hpp"
#include "systemd/unit_name.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// For the status of a unit that is added to an error.
constexpr auto status_limit = 30s;
/// The socket of systemd for root, without a message bus; service managers of users have one in the
/// user's folder.
constexpr auto systemd_socket = "/run/systemd/private";
/// For one answer of systemd, under KVM.
constexpr auto manager_limit = 30s;

RequestFailed failed_unit(std::string_view unit) {
    return RequestFailed(fmt::format("unit \"{}\" reached state \"failed\"", unit));
}

RequestFailed inactive_unit(std::string_view unit) {
    return RequestFailed(
        fmt::format("unit \"{}\" is inactive and there are no pending jobs", unit));
}

RequestFailed late_unit(io::Duration waited, const Limit& limit) {
    return RequestFailed(fmt::format("action timed out after {:.2f} seconds (timeout={})",
                                     io::seconds(waited), limit.text));
}

}  // namespace

/// What one call of wait_for_unit() waits for.
struct UnitWatcher::Wait {
    std::string unit;
    std::optional<std::string> user;
    Limit limit;
    io::TimePoint begin;
    io::Deadline end;
};

void UnitWatcher::forget_managers() {
    managers_.clear();
    changes_->forget();
}

/// None when its limit has ended it. Throws RequestFailed when that is after the limit of the wait.
asio::awaitable<std::optional<command::Outcome>> UnitWatcher::query(Wait wait, std::string text) {
    auto& time = context_->time();
    auto begin = time.now();
    command::Command command{.text = text, .limit = command::probe_limit(wait.end.when() - begin)};
    auto result = co_await runner_->run(std::move(command));
    if (result.status != command::cut_off_status) co_return result;
    auto now = time.now();
    if (!wait.end.passed(now)) co_return std::nullopt;
    auto late = late_unit(now - wait.begin, wait.limit);
    late.add_note(fmt::format("{}: the last try of `{}` has had no answer for {:.1f} s",
                              context_->name(), text, io::seconds(now - begin)));
    throw late;
}

/// Empty when the guest did not answer.
asio::awaitable<std::string> UnitWatcher::active_state(Wait wait) {
    auto show = systemctl_command(
        fmt::format("--no-pager show --property=ActiveState \"{}\"", wait.unit), wait.user);
    auto result = co_await query(wait, show);
    if (!result) co_return "";
    if (result->status != 0)
        throw RequestFailed(fmt::format(
            "retrieving systemctl info for unit \"{}\"{} failed with exit code {}", wait.unit,
            wait.user ? fmt::format(" under user \"{}\"", *wait.user) : "", result->status));
    co_return std::string(unit_property(result->output, "ActiveState"));
}

asio::awaitable<bool> UnitWatcher::has_settled(Wait wait) {
    auto state = co_await active_state(wait);
    if (state == "active") co_return true;
    if (state == "failed") throw failed_unit(wait.unit);
    if (state != "inactive") co_return false;
    auto list_jobs = systemctl_command("list-jobs --full 2>&1", wait.user);
    auto jobs = co_await query(wait, list_jobs);
    if (!jobs || jobs->output.find("No jobs") == std::string::npos) co_return false;
    // The job may have ended between the two queries.
    auto again = co_await active_state(wait);
    if (again == state) throw inactive_unit(wait.unit);
    co_return false;
}

asio::awaitable<std::string> UnitWatcher::status(std::string unit,
                                                 std::optional<std::string> user) {
    auto text = systemctl_command(
        fmt::format("--no-pager --lines=10 status \"{}\" 2>&1 || true", unit), user);
    command::Command command{.text = text,
                             .limit = Limit{status_limit, fmt::format("{}", status_limit.count())}};
    try {
        auto deadline = context_->deadline_after(status_limit);
        auto result =
            co_await deadline.limit(runner_->run(std::move(command)), "systemctl did not answer");
        co_return result.output;
    } catch (const io::Error&) {
        co_return "(the guest does not answer)";
    }
}

/// The socket of the service manager of `user` or, without one, of the system. None for a user that
/// does not exist in the guest.
asio::awaitable<std::optional<std::string>> UnitWatcher::manager_socket(Wait wait) {
    if (!wait.user) co_return systemd_socket;
    auto answer = co_await query(wait, "id -u " + shell::quote(*wait.user));
    if (!answer || answer->status != 0) co_return std::nullopt;
    auto uid = answer->output.substr(0, answer->output.find('\n'));
    bool number = std::all_of(uid.begin(), uid.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (uid.empty() || !number) co_return std::nullopt;
    co_return fmt::format("/run/user/{}/systemd/private", uid);
}

asio::awaitable<std::shared_ptr<systemd::Manager>> UnitWatcher::open_manager(
    std::shared_ptr<AgentLink> link, std::string socket, Wait wait) {
    if (auto known = managers_.find(socket); known != managers_.end()) co_return known->second;
    auto dial = command::built_in({"dial", socket});
    dial.stream_input = true;
    auto tunnel = open_tunnel(link->channel().start(std::move(dial)), context_->executor());
    auto deadline = context_->deadline_after(manager_limit);
    systemd::Manager::ChangeSink sink = [changes = changes_, user = wait.user.value_or("")](
                                            const auto& change) { changes->take(change, user); };
    auto manager = co_await systemd::Manager::open(std::move(tunnel), std::move(sink), deadline);
    managers_[socket] = manager;
    co_return manager;
}

/// Throws RequestFailed as wait_for_unit() does, and the errors of the connection.
asio::awaitable<void> UnitWatcher::until_active(std::shared_ptr<systemd::Manager> manager,
                                                std::string full_name, Wait wait) {
    auto& time = context_->time();
    for (;;) {
        bool last = wait.end.passed(time.now());
        auto state =
            co_await manager->unit_state(full_name, context_->deadline_after(manager_limit));
        if (state.active == "active") co_return;
        if (state.active == "failed") throw failed_unit(wait.unit);
        if (state.active == "inactive" && !state.jobs) throw inactive_unit(wait.unit);
        if (last) throw late_unit(time.now() - wait.begin, wait.limit);
        try {
            co_await manager->changed(std::move(state), wait.end);
        } catch (const io::TimeoutError&) {
            // One last query.
        }
    }
}

/// False when the connection is lost or unusable; it is closed then.
asio::awaitable<bool> UnitWatcher::listen(std::shared_ptr<AgentLink> link, std::string socket,
                                          std::string full_name, Wait wait) {
    try {
        Liveness liveness(context_, agent_);
        auto manager = co_await liveness.unless_dead(link, open_manager(link, socket, wait));
        co_await liveness.unless_dead(link, until_active(manager, full_name, wait));
        co_return true;
    } catch (const ShellError& error) {  // a panic
        throw Diagnostics(context_).explain(
            error, fmt::format("waiting for unit \"{}\"", wait.unit), wait.begin);
    } catch (const systemd::CallError&) {
        co_return false;
    } catch (const channel::Refused&) {
        // The agent could not start the program that connects to it.
    } catch (const io::ConnectionLost&) {
        // As by `systemctl daemon-reexec`, by a user's logging out, or in a guest without systemd.
    } catch (const io::TimeoutError&) {
        // systemd does not answer.
    }
    managers_.erase(socket);
    co_return false;
}

/// False when the signals of systemd cannot be received: there is no agent, no systemd, or no such
/// name or user.
asio::awaitable<bool> UnitWatcher::wait_by_signals(Wait wait) {
    auto full_name = systemd::unit_name(wait.unit);
    auto link = co_await agent_->ready(io::Deadline::never());
    if (!link || !full_name) co_return false;
    auto socket = co_await manager_socket(wait);
    if (!socket) co_return false;
    bool known = managers_.contains(*socket);
    bool done = co_await listen(link, *socket, *full_name, wait);
    // A connection of an earlier wait may have ended since.
    if (!done && known && link->usable()) done = co_await listen(link, *socket, *full_name, wait);
    co_return done;
}

asio::awaitable<void> UnitWatcher::wait_by_queries(Wait wait) {
    auto& time = context_->time();
    for (;;) {
        bool last = wait.end.passed(time.now());
        auto tried = time.now();
        if (co_await has_settled(wait)) co_return;
        auto waited = time.now() - wait.begin;
        if (last) throw late_unit(waited, wait.limit);
        auto pause = io::pause_between_tries(waited, time.now() - tried);
        auto left = std::max<io::Duration>(wait.limit.duration - waited, 0s);
        co_await time.sleep_for(std::min(pause, left));
    }
}

asio::awaitable<void> UnitWatcher::wait_by_either(Wait wait) {
    // A variable: g++ 12 miscompiles an `if` that awaits in its condition and its branches.
    bool done = co_await wait_by_signals(wait);
    if (!done) co_await wait_by_queries(wait);
}

asio::awaitable<void> UnitWatcher::wait_until_active(std::string unit,
                                                     std::optional<std::string> user, Limit limit) {
    auto& time = context_->time();
    Wait wait{unit, user, limit, time.now(), time.deadline_after(limit.duration)};
    std::exception_ptr failure;
    bool silent = false;
    try {
        auto deadline = time.deadline_after(limit.duration + command::grace);
        Liveness liveness(context_, agent_);
        co_await liveness.unless_silent(wait_by_either(wait), deadline, "the guest did not answer");
        co_return;
    } catch (const io::TimeoutError&) {
        silent = true;
        failure = std::current_exception();
    } catch (RequestFailed& error) {
        error.add_note(fmt::format("{}: waited {:.1f} s for unit \"{}\"", context_->name(),
                                   io::seconds(time.now() - wait.begin), unit));
        failure = std::current_exception();
    }
    // A variable: g++ 12 destroys a braced temporary of an expression that awaits twice.
    CallDescription call{fmt::format("waiting for unit \"{}\"", unit), limit, wait.begin};
    if (silent) co_await Diagnostics(context_).fail_call(failure, std::move(call));
    // Usually shows the cause of the error.
    auto status = co_await this->status(unit, user);
    try {
        std::rethrow_exception(failure);
    } catch (RequestFailed& error) {
        error.add_note("systemctl status:\n" + status);
        throw;
    }
}

}  // namespace charioteer::machine
