#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "io/single_flight.hpp"
#include "machine/guest_agent.hpp"
#include "machine/port_link.hpp"

namespace charioteer::machine {

/// The agent of one virtual machine, over all starts of QEMU and all boots of the guest. Io thread
/// only.
class QemuAgent : public GuestAgent, public std::enable_shared_from_this<QemuAgent> {
public:
    explicit QemuAgent(std::shared_ptr<Context> context);

    /// To be called before a start of QEMU; `mode` is how its guest gets commands.
    void begin_life(ChannelMode mode);
    /// To be called when the guest was rebooted or restored to an earlier state: an agent may be
    /// started again, though it could not be before.
    void forget_failure() { why_none_.reset(); }

    /// Starts the agent unless one runs. Concurrent calls share one start, which the first call's
    /// `bound` (under KVM) limits; `deadline` limits the call. When it cannot be started, the
    /// reason is logged, and no other call tries again in this boot. Throws io::Error then in the
    /// mode ChannelMode::agent, io::TimeoutError when `deadline` has passed.
    asio::awaitable<void> start(io::Duration bound, io::Deadline deadline);
    /// The agent, which is started again if it was lost; null where the root shell is used instead.
    /// Throws NotRunning, and as start().
    asio::awaitable<std::shared_ptr<AgentLink>> ready(io::Deadline deadline) override;
    void expect_running() const override;
    std::shared_ptr<AgentLink> usable() const override;
    std::shared_ptr<AgentLink> expected() const override;
    std::string why_none() const override;
    /// Bytes that it has sent and received since QEMU started.
    std::uint64_t moved_bytes() const;

private:
    asio::awaitable<void> start_in(std::shared_ptr<Qemu> qemu, io::Deadline deadline);
    static asio::awaitable<void> until_decided(std::shared_ptr<Qemu> qemu, io::Deadline deadline);

    std::shared_ptr<Context> context_;
    ChannelMode mode_ = ChannelMode::automatic;
    /// Of this start of QEMU.
    std::shared_ptr<io::SingleFlight<>> starting_ = std::make_shared<io::SingleFlight<>>();
    std::optional<std::string> why_none_;  ///< why this boot of the guest has no agent
    std::string last_logged_reason_;
};

}  // namespace charioteer::machine
