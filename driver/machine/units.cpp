// What a machine is asked of its systemd units.

#include <fmt/format.h>

#include "machine/machine.hpp"
#include "machine/retry.hpp"
#include "machine/systemd.hpp"
#include "machine/tunnel.hpp"
#include "machine/unless_dead.hpp"
#include "systemd/unit_name.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Of one question to systemd, as of any command.
const Limit unit_query_limit{900s, "900"};
/// Where systemd listens for root without a message bus.
constexpr std::string_view systemd_socket = "/run/systemd/private";
/// Of one answer of systemd, under KVM.
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

asio::awaitable<std::string> Machine::unit_state(std::string unit,
                                                 std::optional<std::string> user) {
    auto show =
        systemctl_command(fmt::format("--no-pager show --property=ActiveState \"{}\"", unit), user);
    auto options = within(unit_query_limit);
    auto result = co_await execute(show, options);
    if (result.status != 0)
        throw RequestFailed(
            fmt::format("retrieving systemctl info for unit \"{}\"{} failed with exit code {}",
                        unit, user ? fmt::format(" under user \"{}\"", *user) : "", result.status));
    co_return std::string(unit_property(result.output, "ActiveState"));
}

asio::awaitable<bool> Machine::unit_settled(std::string unit, std::optional<std::string> user) {
    auto state = co_await unit_state(unit, user);
    if (state == "active") co_return true;
    if (state == "failed") throw failed_unit(unit);
    if (state != "inactive") co_return false;
    auto list_jobs = systemctl_command("list-jobs --full 2>&1", user);
    auto options = within(unit_query_limit);
    auto jobs = co_await execute(list_jobs, options);
    if (jobs.output.find("No jobs") == std::string::npos) co_return false;
    // The job may have ended between the two questions.
    if (co_await unit_state(unit, user) == state) throw inactive_unit(unit);
    co_return false;
}

asio::awaitable<std::string> Machine::unit_status(std::string unit,
                                                  std::optional<std::string> user) {
    auto ask = systemctl_command(
        fmt::format("--no-pager --lines=10 status \"{}\" 2>&1 || true", unit), user);
    auto options = within(Limit{30s, "30"});
    try {
        co_return (co_await execute(ask, options)).output;
    } catch (const io::Error&) {
        co_return "(the guest does not answer)";
    }
}

asio::awaitable<std::shared_ptr<systemd::Manager>> Machine::unit_manager(
    std::shared_ptr<AgentLink> link) {
    if (unit_manager_) co_return unit_manager_;
    channel::Request request;
    request.text = channel::words({"dial", systemd_socket});
    request.built_in = true;
    request.with_input = true;
    auto tunnel = open_tunnel(link->channel().start(std::move(request)), host_->executor());
    auto deadline = own_deadline(manager_limit);
    auto manager = co_await systemd::Manager::open(std::move(tunnel), deadline, host_->time());
    unit_manager_ = manager;
    co_return manager;
}

/// Throws RequestFailed as wait_for_unit() does; whatever else happens to the connection is thrown
/// as it comes.
asio::awaitable<void> Machine::until_active(std::shared_ptr<systemd::Manager> manager,
                                            std::string unit, std::string full_name, Limit limit) {
    auto& time = host_->time();
    auto begin = time.now();
    auto end = time.deadline_after(limit.duration);
    for (;;) {
        bool last = end.passed(time.now());
        auto state = co_await manager->unit_state(full_name, own_deadline(manager_limit));
        if (state.active == "active") co_return;
        if (state.active == "failed") throw failed_unit(unit);
        if (state.active == "inactive" && !state.jobs) throw inactive_unit(unit);
        if (last) throw late_unit(time.now() - begin, limit);
        try {
            co_await manager->changed(std::move(state), end);
        } catch (const io::TimeoutError&) {
            // One last look.
        }
    }
}

/// False when systemd cannot be listened to: there is no agent, no systemd, or no such name.
asio::awaitable<bool> Machine::wait_by_signals(std::string unit, Limit limit) {
    auto full_name = systemd::unit_name(unit);
    auto link = co_await ready_agent();
    if (!link || !full_name) co_return false;
    try {
        auto manager = co_await unless_dead(link, unit_manager(link));
        co_await unless_dead(link, until_active(manager, unit, *full_name, limit));
        co_return true;
    } catch (const systemd::CallError&) {
        co_return false;
    } catch (const io::ConnectionLost&) {
        // As by `systemctl daemon-reexec`, or in a guest without systemd.
    } catch (const io::TimeoutError&) {
        // It does not answer.
    }
    unit_manager_.reset();
    co_return false;
}

asio::awaitable<void> Machine::wait_by_questions(std::string unit, std::optional<std::string> user,
                                                 Limit limit) {
    auto& time = host_->time();
    auto begin = time.now();
    for (;;) {
        bool last = time.now() - begin >= limit.duration;
        auto tried = time.now();
        if (co_await unit_settled(unit, user)) co_return;
        auto waited = time.now() - begin;
        if (last) throw late_unit(waited, limit);
        auto pause = next_pause(waited, time.now() - tried);
        co_await time.sleep_for(std::min(pause, limit.duration - waited));
    }
}

asio::awaitable<void> Machine::wait_for_unit(std::string unit, std::optional<std::string> user,
                                             Limit limit) {
    auto& time = host_->time();
    auto begin = time.now();
    std::exception_ptr failure;
    try {
        // A variable: g++ 12 miscompiles an `if` that awaits in its condition and its branches.
        bool done = false;
        if (!user) done = co_await wait_by_signals(unit, limit);
        if (done) co_return;
        auto rest = limit;
        rest.duration -= std::min(limit.duration, time.now() - begin);
        co_await wait_by_questions(unit, user, std::move(rest));
        co_return;
    } catch (RequestFailed& error) {
        error.add_note(fmt::format("{}: waited {:.1f} s for unit \"{}\"", name(),
                                   io::seconds(time.now() - begin), unit));
        failure = std::current_exception();
    }
    // What the unit says of itself is what its reader asks first.
    auto status = co_await unit_status(unit, user);
    try {
        std::rethrow_exception(failure);
    } catch (RequestFailed& error) {
        error.add_note("systemctl status:\n" + status);
        throw;
    }
}

}  // namespace charioteer::machine
