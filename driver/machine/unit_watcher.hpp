#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "command/runner.hpp"
#include "machine/diagnostics.hpp"
#include "machine/guest_agent.hpp"
#include "machine/unit_changes.hpp"
#include "systemd/manager.hpp"

namespace charioteer::machine {

/// Waits for systemd units: by the signals of systemd, to which the agent connects, or, where that
/// is not possible, by running systemctl repeatedly. From the first wait on, all changes of units
/// that systemd signals are reported as events. Io thread only.
class UnitWatcher {
public:
    UnitWatcher(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent,
                std::shared_ptr<command::Runner> runner)
        : context_(std::move(context)),
          agent_(std::move(agent)),
          runner_(std::move(runner)),
          changes_(std::make_shared<UnitChanges>(context_->name(), context_->time(),
                                                 context_->sink())) {}
    UnitWatcher(const UnitWatcher&) = delete;
    UnitWatcher& operator=(const UnitWatcher&) = delete;

    /// Waits until the unit is active. Throws RequestFailed when it fails or cannot become active
    /// any more, or after the limit; ShellError when the guest does not answer. `user` as for
    /// systemctl_command().
    asio::awaitable<void> wait_until_active(std::string unit, std::optional<std::string> user,
                                            Limit limit);
    /// To be called when the guest has rebooted: closes the connections to its service managers.
    void forget_managers();

private:
    struct Wait;

    asio::awaitable<std::optional<command::Outcome>> query(Wait wait, std::string text);
    asio::awaitable<std::optional<std::string>> manager_socket(Wait wait);
    asio::awaitable<std::shared_ptr<systemd::Manager>> open_manager(std::shared_ptr<AgentLink> link,
                                                                    std::string socket, Wait wait);
    asio::awaitable<bool> wait_by_signals(Wait wait);
    asio::awaitable<bool> listen(std::shared_ptr<AgentLink> link, std::string socket,
                                 std::string full_name, Wait wait);
    asio::awaitable<void> until_active(std::shared_ptr<systemd::Manager> manager,
                                       std::string full_name, Wait wait);
    asio::awaitable<void> wait_by_queries(Wait wait);
    asio::awaitable<std::string> active_state(Wait wait);
    asio::awaitable<bool> has_settled(Wait wait);
    asio::awaitable<void> wait_by_either(Wait wait);
    asio::awaitable<std::string> status(std::string unit, std::optional<std::string> user);

    std::shared_ptr<Context> context_;
    std::shared_ptr<GuestAgent> agent_;
    std::shared_ptr<command::Runner> runner_;
    std::shared_ptr<UnitChanges> changes_;
    /// The connections to service managers in the guest, by their sockets.
    std::map<std::string, std::shared_ptr<systemd::Manager>> managers_;
};

}  // namespace charioteer::machine
