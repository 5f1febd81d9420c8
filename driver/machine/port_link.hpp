#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "io/condition.hpp"
#include "machine/agent_link.hpp"
#include "machine/guest_state.hpp"
#include "qmp/client.hpp"
#include "shell/session.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;
namespace json = boost::json;

/// How commands reach the guest ($CHARIOTEER_CHANNEL).
enum class ChannelMode {
    automatic,  ///< by the agent where it runs, else by the plain root shell
    agent,      ///< by the agent; without it commands fail
    plain,      ///< by the root shell
};

/// Throws io::UsageError for an unknown word; empty is automatic.
ChannelMode parse_channel_mode(std::string_view word);

/// The agent behind the virtio port of one QEMU: starts it in the guest, and detects its end. Io
/// thread only.
class PortLink : public AgentLink {
public:
    /// The connections to one QEMU, and functions of the machine.
    struct Parts {
        std::shared_ptr<channel::Channel> channel;
        std::shared_ptr<shell::Session> shell;
        std::shared_ptr<qmp::Client> qmp;
        std::shared_ptr<GuestState> guest;
        std::function<void(std::string text)> warn;
        /// Loads the agent's program for a processor, as load_agent_program() does, which takes
        /// long on a slow disk.
        std::function<asio::awaitable<std::string>(std::string processor)> load_program;
    };

    static std::shared_ptr<PortLink> make(Parts parts, const asio::any_io_executor& executor,
                                          io::TimeSource& time);
    PortLink(const PortLink&) = delete;
    PortLink& operator=(const PortLink&) = delete;

    /// Whether the guest has rebooted and no agent was started since: it may still be booting.
    bool guest_restarts() const noexcept { return guest_restarts_; }

    /// Starts an agent through the root shell, which must accept commands; no-op if one is usable.
    /// Throws io::Error with the reason why it does not run, io::TimeoutError, shell::Restarted.
    asio::awaitable<void> start(io::Deadline deadline);
    /// The root shell has sent its greeting: an agent whose port is closed was of an earlier boot.
    void handle_greeting();
    /// Returns when an agent was found that this driver has not started, in a guest that was
    /// restored from a snapshot.
    asio::awaitable<void> until_adopted();
    /// The guest was loaded from a saved state and is stopped: an agent may run in it.
    void expect_saved_agent() { awaits_saved_agent_ = true; }
    /// Returns at once unless an agent is expected in a guest that was loaded; else when it was
    /// adopted, or is known not to run, 30 s after the guest was continued at the latest.
    asio::awaitable<void> until_decided();

    asio::awaitable<bool> is_paused() override;

private:
    PortLink(Parts parts, const asio::any_io_executor& executor, io::TimeSource& time);
    bool handle_event(const json::object& event);
    void handle_port(bool is_open);
    asio::awaitable<std::optional<std::string>> try_start(std::string program,
                                                          io::Deadline deadline);
    asio::awaitable<bool> receives_hello(io::Deadline deadline);
    static asio::awaitable<void> watch_closed_port(std::shared_ptr<PortLink> self);
    asio::awaitable<bool> is_asleep();
    static asio::awaitable<void> adopt(std::shared_ptr<PortLink> self);
    asio::awaitable<void> adopt_agent();
    static asio::awaitable<void> give_up_saved_agent(std::shared_ptr<PortLink> self);
    void decide();
    bool holds_pings() const override;
    asio::awaitable<std::string> describe_guest() override;
    std::shared_ptr<PortLink> share_this();
    asio::awaitable<std::string> query(std::string command, std::string key, io::Deadline deadline);
    asio::awaitable<std::string> load_program(std::string processor, io::Deadline deadline);

    Parts parts_;
    std::optional<std::string> upload_;   ///< what is sent when the port is opened
    std::optional<std::uint64_t> nonce_;  ///< of a start whose result is not known
    bool port_open_ = false;              ///< in the guest
    bool starting_ = false;
    bool adopted_ = false;
    bool awaits_saved_agent_ = false;
    io::Condition changed_;
    std::string last_event_;  ///< the last event of QEMU about the machine as a whole
    bool guest_restarts_ = false;
    std::size_t starts_ = 0;  ///< agents that were started
};

}  // namespace charioteer::machine
