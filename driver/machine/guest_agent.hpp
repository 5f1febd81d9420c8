#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "channel/call.hpp"
#include "machine/agent_link.hpp"
#include "machine/context.hpp"

namespace charioteer::machine {

/// The agent of one machine, over all lives of QEMU and all boots of the guest: has it started when
/// it is needed, and knows why there is none. Io thread only.
class GuestAgent {
public:
    explicit GuestAgent(std::shared_ptr<Context> context);
    GuestAgent(const GuestAgent&) = delete;
    GuestAgent& operator=(const GuestAgent&) = delete;

    /// A QEMU is about to be started, whose guest takes commands as `mode` says.
    void begin_life(ChannelMode mode);
    /// The guest is not the one in which an agent could not be started: it has booted anew, or went
    /// back to an earlier state.
    void forget_failure() { why_none_.reset(); }

    /// Starts the agent unless one runs. `bound` limits the start under KVM, and `deadline` the
    /// call. When it cannot be started, the log says why, and no other call tries again in this
    /// boot. Throws io::Error then if the machine is of no use without it, io::TimeoutError when
    /// `deadline` passed, ShellError when the kernel panicked.
    asio::awaitable<void> start(io::Duration bound, io::Deadline deadline);
    /// The agent, which is started anew if it was lost; null where the root shell has to serve.
    /// Throws NotRunning, and as start().
    asio::awaitable<std::shared_ptr<AgentLink>> ready(io::Deadline deadline);
    /// Starts `command` in the guest, as channel::Channel::start() does. Throws ShellError when
    /// there is no agent, and as ready().
    asio::awaitable<std::shared_ptr<channel::Call>> begin(command::Command command);

    /// The agent that takes commands now, or null.
    std::shared_ptr<AgentLink> usable() const;
    /// The same, also while it is being started or lost; null where the root shell serves.
    std::shared_ptr<AgentLink> expected() const;
    /// Why the root shell serves in its place, for an error.
    std::string why_none() const { return why_none_.value_or("CHARIOTEER_CHANNEL is plain"); }
    /// Bytes that went over its line, in both directions, since QEMU started.
    std::uint64_t moved_bytes() const;

private:
    class Starting;

    asio::awaitable<void> until_started(io::Deadline deadline);
    asio::awaitable<std::exception_ptr> try_to_start(std::shared_ptr<Qemu> qemu, io::Deadline step,
                                                     io::Deadline deadline);

    std::shared_ptr<Context> context_;
    ChannelMode mode_ = ChannelMode::automatic;
    bool starting_ = false;
    io::Condition started_;
    std::optional<std::string> why_none_;  ///< this boot of the guest has no agent
    std::string last_logged_reason_;
};

}  // namespace charioteer::machine
