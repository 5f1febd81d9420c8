#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>

#include "machine/guest_agent.hpp"

namespace charioteer::machine {

/// How a container is entered.
struct ContainerEntry {
    pid_t leader = 0;     ///< the id on the host of its first process
    std::string nsenter;  ///< the path of the program nsenter
    /// How long holders of a command's output may write nothing after the end of its shell.
    std::chrono::seconds holder_limit{};
};

/// The agent of one container, a new one after each start of the container. It runs in all
/// namespaces of the container except the user namespace, and is connected by a socket pair. Io
/// thread only.
class ContainerAgent : public GuestAgent, public std::enable_shared_from_this<ContainerAgent> {
public:
    explicit ContainerAgent(std::shared_ptr<Context> context);
    ~ContainerAgent() override;

    /// To be called when the container has started. Throws io::Error when its first process has
    /// already ended.
    void enter(ContainerEntry entry);
    /// To be called after the end of the container, which has ended the agent. Idempotent.
    void leave();

    /// The agent, which is started if it does not run; null when the container has ended and
    /// leave() was not called yet. Throws NotRunning, io::Error with the reason why it cannot be
    /// started.
    asio::awaitable<std::shared_ptr<AgentLink>> ready(io::Deadline deadline) override;
    /// Adds the commands that upstream's driver runs first; the script is run by /bin/sh.
    command::Command script(command::Command command) const override;
    void expect_running() const override;
    std::shared_ptr<AgentLink> usable() const override;
    std::shared_ptr<AgentLink> expected() const override;
    std::string why_none() const override { return "the container has ended"; }

    /// After the loss of the agent: whether the end of the container is its reason.
    asio::awaitable<bool> ended_with_container();

private:
    struct Run;

    static asio::awaitable<std::shared_ptr<AgentLink>> start(std::shared_ptr<ContainerAgent> self,
                                                             std::shared_ptr<Run> run);
    asio::awaitable<void> launch(std::shared_ptr<Run> run, std::string program);
    std::shared_ptr<Run> current_run() const;

    std::shared_ptr<Context> context_;
    std::shared_ptr<Run> run_;  ///< null while the container is off
};

}  // namespace charioteer::machine
