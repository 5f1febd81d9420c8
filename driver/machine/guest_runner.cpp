#include "machine/guest_runner.hpp"

#include <fmt/format.h>

#include "shell/plain_codec.hpp"

namespace charioteer::machine {

namespace {

/// Agents that may be lost in succession before the command is sent to one.
constexpr int most_retries = 3;

/// Replaces the status by the constant for callers that do not want it.
Outcome as_asked(Outcome outcome, const Command& command) {
    if (!command.want_status) outcome.status = command::no_status;
    if (!command.want_output) outcome.status = command::not_awaited;
    return outcome;
}

}  // namespace

GuestRunner::GuestRunner(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent)
    : context_(std::move(context)),
      agent_(std::move(agent)),
      by_agent_(context_, Liveness(context_, agent_)),
      by_shell_(context_) {}

asio::awaitable<Outcome> GuestRunner::run(Command command) {
    shell::check_command_text(command.text);
    CallDescription call{fmt::format("running `{}`", command.text), command.limit,
                         context_->time().now()};
    auto progress = std::make_shared<Progress>();
    std::exception_ptr failure;
    try {
        auto outcome = co_await run_by_either(command, progress);
        co_return as_asked(std::move(outcome), command);
    } catch (const io::UsageError&) {
        throw;
    } catch (const io::TimeoutError&) {
        failure = std::current_exception();
    } catch (const io::Error& error) {
        failure = std::current_exception();
        // A caller that does not want the status expects the guest to end.
        if (!command.want_status && progress->under_way) {
            context_->log(
                fmt::format("the guest ended during `{}`: {}", command.text, error.what()));
            Outcome partial;
            partial.output = std::move(progress->so_far->output);
            co_return as_asked(std::move(partial), command);
        }
    }
    co_await Diagnostics(context_).fail_call(failure, std::move(call));
    co_return Outcome{};
}

asio::awaitable<Outcome> GuestRunner::run_by_either(Command command,
                                                    std::shared_ptr<Progress> progress) {
    auto deadline = command::deadline_of(command.limit, context_->time());
    for (int retries = 0;; ++retries) {
        auto link = co_await agent_->ready(deadline);
        progress->under_way = !context_->running_qemu()->child().status();
        if (!link) co_return co_await run_by_shell(std::move(command), deadline);
        try {
            co_return co_await by_agent_.run(link, command, progress->so_far, deadline);
        } catch (const channel::NotSent&) {
            // The agent was lost before the command was sent: another one can run it.
            progress->under_way = false;
            if (retries == most_retries) throw;
        }
    }
}

asio::awaitable<Outcome> GuestRunner::run_by_shell(Command command, io::Deadline deadline) {
    if (command.input)
        throw io::Error(
            fmt::format("a command with input needs the guest agent, which is not running: {}",
                        agent_->why_none()));
    co_return co_await by_shell_.run(std::move(command), deadline);
}

}  // namespace charioteer::machine
