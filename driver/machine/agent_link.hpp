#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "channel/channel.hpp"
#include "io/condition.hpp"
#include "io/time_source.hpp"
#include "machine/guest_state.hpp"
#include "qmp/client.hpp"
#include "shell/session.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;
namespace json = boost::json;

/// How commands reach the guest ($CHARIOTEER_CHANNEL).
enum class ChannelMode {
    automatic,  ///< by the agent where it runs, else by the plain root shell
    agent,      ///< by the agent; without it the machine is of no use
    plain,      ///< by the root shell
};

/// Throws io::UsageError for an unknown word; empty is automatic.
ChannelMode parse_channel_mode(std::string_view word);

/// The agent in the guest of one QEMU: puts it there, and notices when it is gone. An agent that is
/// silent is not gone: its guest may be busy, stopped or suspended. Io thread only.
class AgentLink : public std::enable_shared_from_this<AgentLink> {
public:
    /// What one life of QEMU has.
    struct Parts {
        std::shared_ptr<channel::Channel> channel;
        std::shared_ptr<shell::Session> shell;
        std::shared_ptr<qmp::Client> qmp;
        std::shared_ptr<GuestState> guest;
        std::function<void(std::string text)> warn;
        /// Gives the agent's program for a processor, as load_agent_program(); from a disk, which
        /// may be slow.
        std::function<asio::awaitable<std::string>(std::string processor)> load_program;
    };

    static std::shared_ptr<AgentLink> make(Parts parts, const asio::any_io_executor& executor,
                                           io::TimeSource& time);
    AgentLink(const AgentLink&) = delete;
    AgentLink& operator=(const AgentLink&) = delete;

    channel::Channel& channel() noexcept { return *parts_.channel; }
    bool usable() const noexcept { return parts_.channel->usable(); }
    /// Whether the guest has started anew and got no agent since: it may still be booting.
    bool guest_restarts() const noexcept { return guest_restarts_; }

    /// Starts an agent through the root shell, which listens, unless there is one. Throws io::Error
    /// with the reason why there is none, io::TimeoutError, shell::Restarted.
    asio::awaitable<void> start(io::Deadline deadline);
    /// The root shell has greeted: an agent whose port is closed was that of an earlier boot.
    void take_greeting();
    /// Returns when an agent was found that runs since before this QEMU, in a guest that was
    /// restored from a snapshot.
    asio::awaitable<void> until_adopted();

    /// Whether the agent answers within `patience`.
    asio::awaitable<bool> answers(io::Duration patience);

    /// Whether the guest does nothing since it is stopped or suspended.
    asio::awaitable<bool> is_paused();

    /// Watches over an operation that waits for the agent: while the guest sends nothing, warns of
    /// it after `silence`, and later more and more seldom, with what QEMU reports about the guest.
    template <class T>
    asio::awaitable<T> watched(asio::awaitable<T> operation, io::Duration silence);

private:
    struct Watcher;

    AgentLink(Parts parts, const asio::any_io_executor& executor, io::TimeSource& time);
    bool take_event(const json::object& event);
    void take_port(bool is_open);
    asio::awaitable<std::optional<std::string>> try_start(std::string program,
                                                          io::Deadline deadline);
    asio::awaitable<bool> greets_anyway(io::Deadline deadline);
    static asio::awaitable<void> watch_closed_port(std::shared_ptr<AgentLink> self);
    asio::awaitable<bool> is_asleep();
    static asio::awaitable<void> adopt(std::shared_ptr<AgentLink> self);
    static asio::awaitable<void> watch(std::shared_ptr<AgentLink> self, io::Duration silence);
    asio::awaitable<void> end_silence(io::Duration limit);
    asio::awaitable<std::string> describe_silence();
    asio::awaitable<std::string> query(std::string command, std::string key, io::Deadline deadline);
    asio::awaitable<std::string> load_program(std::string processor, io::Deadline deadline);

    Parts parts_;
    asio::any_io_executor executor_;
    io::TimeSource& time_;
    std::optional<std::string> upload_;   ///< to be sent when the port is opened
    std::optional<std::uint64_t> nonce_;  ///< of a start whose end is not known
    bool port_open_ = false;              ///< in the guest
    bool starting_ = false;
    bool adopted_ = false;
    io::Condition changed_;
    std::string last_event_;  ///< the last event of QEMU about the machine as a whole
    bool guest_restarts_ = false;
    std::size_t lives_ = 0;    ///< agents that were started
    std::size_t watched_ = 0;  ///< operations
    bool watching_ = false;
};

/// Counts one watched operation.
struct AgentLink::Watcher {
    explicit Watcher(AgentLink& owner) : link(owner) { ++link.watched_; }
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    ~Watcher() { --link.watched_; }
    AgentLink& link;
};

template <class T>
asio::awaitable<T> AgentLink::watched(asio::awaitable<T> operation, io::Duration silence) {
    auto self = shared_from_this();
    Watcher watcher(*this);
    if (!std::exchange(watching_, true)) {
        asio::co_spawn(executor_, watch(self, silence), asio::detached);
    }
    co_return co_await std::move(operation);
}

}  // namespace charioteer::machine
