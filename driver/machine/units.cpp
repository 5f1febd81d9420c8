// What a machine is asked of its systemd units.

#include <fmt/format.h>

#include "machine/machine.hpp"
#include "machine/retry.hpp"
#include "machine/systemd.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Of one question to systemd, as of any command.
const Limit unit_query_limit{900s, "900"};

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
    if (state == "failed")
        throw RequestFailed(fmt::format("unit \"{}\" reached state \"failed\"", unit));
    if (state != "inactive") co_return false;
    auto list_jobs = systemctl_command("list-jobs --full 2>&1", user);
    auto options = within(unit_query_limit);
    auto jobs = co_await execute(list_jobs, options);
    if (jobs.output.find("No jobs") == std::string::npos) co_return false;
    // The job may have ended between the two questions.
    if (co_await unit_state(unit, user) == state)
        throw RequestFailed(
            fmt::format("unit \"{}\" is inactive and there are no pending jobs", unit));
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

asio::awaitable<void> Machine::wait_for_unit(std::string unit, std::optional<std::string> user,
                                             Limit limit) {
    auto& time = host_->time();
    auto begin = time.now();
    std::exception_ptr failure;
    try {
        for (;;) {
            bool last = time.now() - begin >= limit.duration;
            auto tried = time.now();
            if (co_await unit_settled(unit, user)) co_return;
            auto waited = time.now() - begin;
            if (last)
                throw RequestFailed(
                    fmt::format("action timed out after {:.2f} seconds (timeout={})",
                                io::seconds(waited), limit.text));
            auto pause = next_pause(waited, time.now() - tried);
            co_await time.sleep_for(std::min(pause, limit.duration - waited));
        }
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
