#include "machine/container_runner.hpp"

#include <fmt/format.h>

#include <csignal>

#include "machine/diagnostics.hpp"
#include "shell/plain_codec.hpp"

namespace charioteer::machine {

namespace {

/// Agents that may be lost in succession before the command is sent to one.
constexpr int most_retries = 3;

/// The outcome of a command that the end of the container has ended.
Outcome killed(Outcome so_far) {
    so_far.signal = SIGKILL;
    so_far.status = 128 + SIGKILL;
    return so_far;
}

}  // namespace

ContainerRunner::ContainerRunner(std::shared_ptr<Context> context,
                                 std::shared_ptr<ContainerAgent> agent)
    : context_(std::move(context)),
      agent_(std::move(agent)),
      by_agent_(context_, Liveness(context_, agent_)) {}

asio::awaitable<Outcome> ContainerRunner::run(Command command) {
    shell::check_command_text(command.text);
    // The driver itself enforces the limit, exactly.
    CallDescription call{fmt::format("running `{}`", command.text), command.limit,
                         context_->time().now(), io::Duration::zero()};
    std::exception_ptr failure;
    try {
        co_return co_await run_by_agent(std::move(command));
    } catch (const io::UsageError&) {
        throw;
    } catch (const io::Error&) {
        failure = std::current_exception();
    }
    co_await Diagnostics(context_).fail_call(failure, std::move(call));
    co_return Outcome{};
}

asio::awaitable<Outcome> ContainerRunner::run_by_agent(Command command) {
    command = agent_->script(std::move(command));
    auto so_far = std::make_shared<Outcome>();
    std::exception_ptr lost;
    for (int retries = 0; !lost; ++retries) {
        auto link = co_await agent_->ready(io::Deadline::never());
        if (!link) co_return fail_without_container();
        try {
            co_return co_await run_until_limit(link, command, so_far);
        } catch (const channel::NotSent&) {
            // The agent was lost before the command was sent: another one can run it.
            if (retries == most_retries) throw;
        } catch (const io::ConnectionLost&) {
            lost = std::current_exception();
        }
    }
    bool ended = co_await agent_->ended_with_container();
    if (!ended) std::rethrow_exception(lost);
    co_return killed(std::move(*so_far));
}

asio::awaitable<Outcome> ContainerRunner::run_until_limit(std::shared_ptr<AgentLink> link,
                                                          Command command,
                                                          std::shared_ptr<Outcome> so_far) {
    auto limit = std::exchange(command.limit, std::nullopt);
    auto& time = context_->time();
    auto end = limit ? time.deadline_after(limit->duration) : io::Deadline::never();
    auto ran = by_agent_.run(link, std::move(command), so_far, io::Deadline::never());
    auto outcome = co_await io::race(std::move(ran), time.sleep_until(end.when()));
    if (outcome) co_return std::move(*outcome);
    so_far->status = command::cut_off_status;
    so_far->timed_out = true;
    so_far->duration = limit->duration;
    co_return std::move(*so_far);
}

Outcome ContainerRunner::fail_without_container() const {
    context_->console()->add_line("the container has ended, and no command can be run in it");
    Outcome outcome;
    outcome.status = 1;
    return outcome;
}

}  // namespace charioteer::machine
