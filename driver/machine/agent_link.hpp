#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "channel/channel.hpp"
#include "io/time_source.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;

/// The connection to the agent in one guest, over any connected stream. An agent that is silent may
/// still run: its guest may be busy, stopped or suspended. Io thread only.
class AgentLink : public std::enable_shared_from_this<AgentLink> {
public:
    using Warn = std::function<void(std::string text)>;

    /// `warn` is called with messages about a silent agent.
    AgentLink(std::shared_ptr<channel::Channel> channel, Warn warn,
              const asio::any_io_executor& executor, io::TimeSource& time)
        : executor_(executor), time_(time), channel_(std::move(channel)), warn_(std::move(warn)) {}
    AgentLink(const AgentLink&) = delete;
    AgentLink& operator=(const AgentLink&) = delete;
    virtual ~AgentLink() = default;

    channel::Channel& channel() noexcept { return *channel_; }
    bool usable() const noexcept { return channel_->usable(); }

    /// Whether the agent answers within `limit`.
    asio::awaitable<bool> answers(io::Duration limit);

    /// Whether the guest is stopped or suspended.
    virtual asio::awaitable<bool> is_paused();

    /// Runs an operation that waits for the agent. While the guest sends nothing, warns after
    /// `silence` and then at growing intervals, with the state of the guest.
    template <class T>
    asio::awaitable<T> watched(asio::awaitable<T> operation, io::Duration silence);

protected:
    /// Whether the guest cannot answer, so that no pings are sent.
    virtual bool holds_pings() const { return false; }
    /// The state of a silent guest, for a warning; may be empty.
    virtual asio::awaitable<std::string> describe_guest();

    const asio::any_io_executor& executor() const noexcept { return executor_; }
    io::TimeSource& time() const noexcept { return time_; }

private:
    struct Watcher;

    static asio::awaitable<void> watch(std::shared_ptr<AgentLink> self, io::Duration silence);
    asio::awaitable<void> end_silence(io::Duration limit);

    asio::any_io_executor executor_;
    io::TimeSource& time_;
    std::shared_ptr<channel::Channel> channel_;
    Warn warn_;
    std::size_t watched_ = 0;  ///< operations that watched() runs
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
