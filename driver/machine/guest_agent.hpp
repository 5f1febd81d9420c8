#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "channel/call.hpp"
#include "io/single_flight.hpp"
#include "machine/agent_link.hpp"
#include "machine/context.hpp"

namespace charioteer::machine {

/// The agent of one machine, over all lives of QEMU and all boots of the guest: has it started when
/// it is needed, and knows why there is none. Io thread only.
class GuestAgent : public std::enable_shared_from_this<GuestAgent> {
public:
    explicit GuestAgent(std::shared_ptr<Context> context);
    GuestAgent(const GuestAgent&) = delete;
    GuestAgent& operator=(const GuestAgent&) = delete;

    /// A QEMU is about to be started, whose guest takes commands as `mode` says.
    void begin_life(ChannelMode mode);
    /// The guest is not the one in which an agent could not be started: it has booted anew, or went
    /// back to an earlier state.
    void forget_failure() { why_none_.reset(); }

    /// Starts the agent unless one runs. Calls side by side share one start, of which the first
    /// one's `bound` under KVM is the limit; `deadline` limits the call. When it cannot be started,
    /// the log says why, and no other call tries again in this boot. Throws io::Error then if the
    /// machine is of no use without it, io::TimeoutError when `deadline` passed.
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
    asio::awaitable<void> start_in(std::shared_ptr<Qemu> qemu, io::Deadline deadline);

    std::shared_ptr<Context> context_;
    ChannelMode mode_ = ChannelMode::automatic;
    /// In this life of QEMU.
    std::shared_ptr<io::SingleFlight<>> starting_ = std::make_shared<io::SingleFlight<>>();
    std::optional<std::string> why_none_;  ///< this boot of the guest has no agent
    std::string last_logged_reason_;
};

}  // namespace charioteer::machine
