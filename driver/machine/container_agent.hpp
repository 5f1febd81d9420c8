#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>

#include "machine/guest_agent.hpp"

namespace charioteer::machine {

/// How a container is entered.
struct ContainerEntry {
    pid_t leader = 0;     ///< its first process, as the host sees it
    std::string nsenter;  ///< the path of the program
    /// How long the standard output of a command whose shell has ended may stay open in silence.
    std::chrono::seconds holder_limit{};
};

/// The agent of one container, in each of its lives another one: a program in all of its namespaces
/// but that of users, over a socket pair. Io thread only.
class ContainerAgent : public GuestAgent, public std::enable_shared_from_this<ContainerAgent> {
public:
    explicit ContainerAgent(std::shared_ptr<Context> context);
    ~ContainerAgent() override;

    /// The container has started. Throws io::Error when its first process has gone already.
    void enter(ContainerEntry entry);
    /// Its end was waited for: the agent is gone. Idempotent.
    void leave();

    /// The agent, which is started unless it runs; null when the container has ended and leave()
    /// was not called yet. Throws NotRunning, io::Error with the reason why it cannot be started.
    asio::awaitable<std::shared_ptr<AgentLink>> ready(io::Deadline deadline) override;
    /// As upstream's driver has it run by /bin/sh.
    command::Command script(command::Command command) const override;
    void expect_running() const override;
    std::shared_ptr<AgentLink> usable() const override;
    std::shared_ptr<AgentLink> expected() const override;
    std::string why_none() const override { return "the container has ended"; }

    /// The agent was lost: whether the end of the container has ended it and all that it ran.
    asio::awaitable<bool> ended_with_container();

private:
    struct Life;

    static asio::awaitable<std::shared_ptr<AgentLink>> start(std::shared_ptr<ContainerAgent> self,
                                                             std::shared_ptr<Life> life);
    asio::awaitable<void> launch(std::shared_ptr<Life> life, std::string program);
    std::shared_ptr<Life> running_life() const;

    std::shared_ptr<Context> context_;
    std::shared_ptr<Life> life_;  ///< null while the container is off
};

}  // namespace charioteer::machine
