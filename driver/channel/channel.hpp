#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "channel/multiplexer.hpp"
#include "io/connection.hpp"
#include "io/time_source.hpp"

namespace charioteer::channel {

/// For Settings::first_stream.
std::uint32_t random_stream();

/// The line to the agents of one guest, which follow each other: each reboot needs another one. Io
/// thread only.
class Channel : public std::enable_shared_from_this<Channel> {
public:
    /// `reason` is asked when the guest's side ends the connection.
    static std::shared_ptr<Channel> open(io::UnixStream stream, io::DisconnectReason reason,
                                         Settings settings, io::TimeSource& time);
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel();

    /// Sends bytes that are no frames: the agent's program, to the script that reads it from the
    /// port.
    void send_raw(std::string_view bytes);
    /// From now on an agent with this nonce is awaited. Calls to the one before fail; a hello with
    /// the nonce makes it end, or any other agent that has the port.
    void expect(std::uint64_t nonce, Port port = Port::closed);
    /// An agent is awaited that runs since before this driver knew of it, as in a guest that was
    /// restored from a snapshot. No-op while one is usable.
    void adopt();
    /// Frames may have been lost, as when the guest was suspended, or it may have gone back to an
    /// earlier state: both ends find out, and what was lost is sent again. When the guest went back
    /// calls under way fail; those that start after this are sent to the agent as it is then.
    void resynchronise();
    /// Resynchronises with an agent that is silent. While one is being asked already, it is asked
    /// again after pauses that double: it may only be slow.
    void ask_again();
    /// `handler` is called when the guest was found to have gone back.
    void on_gone_back(std::function<void()> handler) {
        multiplexer_->on_gone_back(std::move(handler));
    }
    /// Waits for the hello of the expected agent, which has then the channel. Throws
    /// io::TimeoutError, io::ConnectionLost.
    asio::awaitable<Peer> greeted(io::Deadline deadline);
    /// Whether there is an agent; it may be asleep.
    bool usable() const noexcept { return multiplexer_->usable(); }

    /// Whether both ends know what the other has heard.
    bool in_step() const noexcept { return multiplexer_->in_step(); }

    /// Has the agent start something, which may write `output_window` bytes of output and errors
    /// before the driver takes them. Throws NotSent when there is no agent.
    std::shared_ptr<Call> start(command::Command command,
                                std::uint32_t output_window = usual_output_window);
    /// Waits for an answer of the agent. Throws io::TimeoutError, io::ConnectionLost.
    asio::awaitable<void> ping(io::Deadline deadline);
    /// When something was last heard of the agent.
    io::TimePoint heard() const noexcept { return multiplexer_->heard(); }

    /// Bytes that went over the line, in both directions.
    std::uint64_t moved_bytes() const noexcept { return moved_; }

    /// There is no agent any more: calls that wait throw io::ConnectionLost with this reason.
    void fail(const std::string& why);
    /// For good; closes the connection. Idempotent.
    void close();

private:
    Channel(std::shared_ptr<io::Connection> connection, Settings settings, io::TimeSource& time);
    void take_bytes(std::string_view bytes);

    std::shared_ptr<io::Connection> connection_;
    std::shared_ptr<Multiplexer> multiplexer_;
    std::uint64_t moved_ = 0;
};

}  // namespace charioteer::channel
