#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "command/runner.hpp"
#include "machine/agent_runner.hpp"
#include "machine/container_agent.hpp"

namespace charioteer::machine {

/// Runs commands in one container by its agent, with the results of upstream's driver, which runs
/// each command by nsenter: its limit applies until its output is closed, the end of the container
/// ends it by SIGKILL, and in a container that has ended every command fails with status 1. Io
/// thread only.
class ContainerRunner : public command::Runner {
public:
    ContainerRunner(std::shared_ptr<Context> context, std::shared_ptr<ContainerAgent> agent);

    /// Throws ShellError, with notes about the container, when the agent does not answer;
    /// io::UsageError.
    asio::awaitable<Outcome> run(Command command) override;

private:
    asio::awaitable<Outcome> run_by_agent(Command command);
    asio::awaitable<Outcome> run_until_limit(std::shared_ptr<AgentLink> link, Command command,
                                             std::shared_ptr<Outcome> so_far);
    Outcome fail_without_container() const;

    std::shared_ptr<Context> context_;
    std::shared_ptr<ContainerAgent> agent_;
    AgentRunner by_agent_;
};

}  // namespace charioteer::machine
