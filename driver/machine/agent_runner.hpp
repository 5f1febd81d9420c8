#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "command/command.hpp"
#include "machine/liveness.hpp"

namespace charioteer::machine {

using command::Command;
using command::Outcome;

/// Runs commands by the agent, any number at the same time. Io thread only.
class AgentRunner {
public:
    AgentRunner(std::shared_ptr<Context> context, Liveness liveness)
        : context_(std::move(context)), liveness_(std::move(liveness)) {}

    /// Runs `command` by the agent of `link`, which applies its limit. Output and errors are
    /// appended to `so_far` as they are received, so that they are not lost with the guest. Throws
    /// channel::NotSent when the agent was lost before the command was sent, channel::Refused,
    /// io::ConnectionLost, ShellError, io::TimeoutError when `deadline` has passed and the agent
    /// does not answer.
    asio::awaitable<Outcome> run(std::shared_ptr<AgentLink> link, Command command,
                                 std::shared_ptr<Outcome> so_far, io::Deadline deadline);

private:
    asio::awaitable<void> start_detached(std::shared_ptr<AgentLink> link, Command command,
                                         io::Deadline deadline);
    asio::awaitable<Outcome> collect(std::shared_ptr<channel::Call> call, bool all_errors,
                                     bool log_output, std::shared_ptr<Outcome> so_far);

    std::shared_ptr<Context> context_;
    Liveness liveness_;
};

}  // namespace charioteer::machine
