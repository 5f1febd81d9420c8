#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "channel/call.hpp"
#include "machine/agent_link.hpp"
#include "machine/context.hpp"

namespace charioteer::machine {

/// The agent of one machine or container, which is started when it is needed, and again when it was
/// lost. Io thread only.
class GuestAgent {
public:
    explicit GuestAgent(std::shared_ptr<const Context> context) : context_(std::move(context)) {}
    GuestAgent(const GuestAgent&) = delete;
    GuestAgent& operator=(const GuestAgent&) = delete;
    virtual ~GuestAgent() = default;

    /// The agent, which is started if none runs; null where commands run without one. Throws
    /// NotRunning, io::Error when it is required and cannot run, io::TimeoutError.
    virtual asio::awaitable<std::shared_ptr<AgentLink>> ready(io::Deadline deadline) = 0;
    /// Starts `command` in the guest, as channel::Channel::start() does. Throws ShellError when
    /// there is no agent, and as ready().
    asio::awaitable<std::shared_ptr<channel::Call>> begin(command::Command command);
    /// Converts `command`, a script of the test, to the command for this kind of guest.
    virtual command::Command script(command::Command command) const { return command; }
    /// Throws NotRunning while the guest is off.
    virtual void expect_running() const = 0;

    /// The agent that takes commands now, or null.
    virtual std::shared_ptr<AgentLink> usable() const = 0;
    /// The same, also while it is being started or lost; null where commands run without one.
    virtual std::shared_ptr<AgentLink> expected() const = 0;
    /// Why commands run without one, for an error.
    virtual std::string why_none() const = 0;

private:
    std::shared_ptr<const Context> context_;
};

}  // namespace charioteer::machine
