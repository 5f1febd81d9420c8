#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "io/single_flight.hpp"
#include "machine/guest_agent.hpp"
#include "machine/port_link.hpp"

namespace charioteer::machine {

/// The agent of one virtual machine, over all lives of QEMU and all boots of the guest: knows why
/// there is none. Io thread only.
class QemuAgent : public GuestAgent, public std::enable_shared_from_this<QemuAgent> {
public:
    explicit QemuAgent(std::shared_ptr<Context> context);

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
    asio::awaitable<std::shared_ptr<AgentLink>> ready(io::Deadline deadline) override;
    void expect_running() const override;
    std::shared_ptr<AgentLink> usable() const override;
    std::shared_ptr<AgentLink> expected() const override;
    std::string why_none() const override;
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
