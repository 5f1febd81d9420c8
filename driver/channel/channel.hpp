#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "channel/exchange.hpp"
#include "io/obituary.hpp"
#include "io/outbox.hpp"
#include "io/time_source.hpp"

namespace charioteer::channel {

/// The line to the agents of one guest, which follow each other: each reboot needs another one. Io
/// thread only.
class Channel : public std::enable_shared_from_this<Channel> {
public:
    /// `obituary` is asked when the connection ends.
    static std::shared_ptr<Channel> open(io::UnixStream stream, io::Obituary obituary,
                                         Settings settings, io::TimeSource& time);
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel();

    /// Sends bytes that are no frames: the agent's program, to whoever reads it from the line.
    void send_raw(std::string_view bytes);
    /// From now on an agent with this nonce is awaited; calls to the one before are lost, and it,
    /// or whichever has the port, is told to end.
    void expect(std::uint64_t nonce, Port port = Port::closed);
    /// An agent is awaited that runs since before this driver knew of it, as in a guest that was
    /// restored from a snapshot. No-op while one is usable.
    void adopt();
    /// Frames may have been lost, as when the guest was suspended, or it may have gone back to an
    /// earlier state: both ends find out, and what was lost is sent again. Of a guest that went
    /// back calls under way are lost; what was asked since this is sent to the agent as it is then.
    void resynchronise();
    /// `handler` is called when the guest was found to have gone back.
    void on_gone_back(std::function<void()> handler) {
        exchange_->on_gone_back(std::move(handler));
    }
    /// Waits for the hello of the expected agent, which has then the channel. Throws
    /// io::TimeoutError, io::ConnectionLost.
    asio::awaitable<Peer> greeted(io::Deadline deadline);
    /// Whether there is an agent; it may be asleep.
    bool usable() const noexcept { return exchange_->usable(); }

    /// Whether both ends know what the other has heard.
    bool in_step() const noexcept { return exchange_->in_step(); }

    /// Has the agent start something. Throws io::ConnectionLost when there is no agent.
    std::shared_ptr<Call> start(Request request);
    /// Waits for an answer of the agent. Throws io::TimeoutError, io::ConnectionLost.
    asio::awaitable<void> ping(io::Deadline deadline);
    /// When something was last heard of the agent.
    io::TimePoint heard() const noexcept { return exchange_->heard(); }

    /// Bytes that went over the line, in both directions.
    std::uint64_t moved_bytes() const noexcept { return moved_; }

    /// There is no agent any more: whoever waits gets io::ConnectionLost with this reason.
    void lose(const std::string& why);
    /// For good; closes the connection. Idempotent.
    void close();

private:
    Channel(io::UnixStream stream, io::Obituary obituary, Settings settings, io::TimeSource& time);
    static asio::awaitable<void> read(std::shared_ptr<Channel> self);
    static asio::awaitable<void> write(std::shared_ptr<Channel> self);
    void shut(const std::string& why);

    io::UnixStream stream_;
    io::Outbox outbox_;
    io::Obituary obituary_;
    io::TimeSource& time_;
    std::shared_ptr<Exchange> exchange_;
    std::uint64_t moved_ = 0;
};

}  // namespace charioteer::channel
