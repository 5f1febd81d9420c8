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
/// For Channel::expect().
std::uint64_t random_nonce();

/// The connection to the agent of one guest, and to the agents that replace it: each boot of the
/// guest needs a new one. Io thread only.
class Channel : public std::enable_shared_from_this<Channel> {
public:
    /// `reason` is called when the guest's side closes the connection.
    static std::shared_ptr<Channel> open(io::UnixStream stream, io::DisconnectReason reason,
                                         Settings settings, io::TimeSource& time);
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel();

    /// Sends bytes that are not frames: the agent's program, to the script that reads it from the
    /// port.
    void send_raw(std::string_view bytes);
    /// Expects an agent with this nonce from now on. Calls to the agent before it fail. A hello
    /// with the nonce ends that agent, or any other agent that has the port open.
    void expect(std::uint64_t nonce, Port port = Port::closed);
    /// Expects an agent that this driver has not started, as in a guest that was restored from a
    /// snapshot. No-op while an agent is usable.
    void adopt();
    /// To be called when frames may have been lost, as when the guest was suspended, or when the
    /// guest may have been restored to an earlier state. Both ends compare their positions, and
    /// lost frames are sent again. If the guest was restored, running calls fail; those that start
    /// after this call are sent to the restored agent.
    void resynchronise();
    /// Resynchronises with a silent agent. A request that was not answered is repeated after pauses
    /// that double, since the agent may only be slow.
    void resynchronise_again();
    /// `handler` is called when resynchronise() finds that the guest was restored.
    void on_restored(std::function<void()> handler) {
        multiplexer_->on_restored(std::move(handler));
    }
    /// Waits for the hello of the expected agent, which then is usable. Throws
    /// io::TimeoutError, io::ConnectionLost.
    asio::awaitable<Peer> greeted(io::Deadline deadline);
    /// Whether there is an agent; its guest may be suspended.
    bool usable() const noexcept { return multiplexer_->usable(); }

    /// Whether the agent is usable and no resynchronisation is under way.
    bool synchronised() const noexcept { return multiplexer_->synchronised(); }

    /// Starts a command, which may write `output_window` bytes of output and errors before the
    /// driver reads them. Throws NotSent when there is no agent.
    std::shared_ptr<Call> start(command::Command command,
                                std::uint32_t output_window = usual_output_window);
    /// Waits for an answer of the agent. Throws io::TimeoutError, io::ConnectionLost.
    asio::awaitable<void> ping(io::Deadline deadline);
    /// When the last frame of the agent was received.
    io::TimePoint last_received() const noexcept { return multiplexer_->last_received(); }

    /// Bytes sent and received.
    std::uint64_t moved_bytes() const noexcept { return moved_; }

    /// The agent is lost: calls that wait throw io::ConnectionLost with this reason.
    void fail(const std::string& why);
    /// Closes the connection. Idempotent.
    void close();

private:
    Channel(std::shared_ptr<io::Connection> connection, Settings settings, io::TimeSource& time);
    void receive_bytes(std::string_view bytes);

    std::shared_ptr<io::Connection> connection_;
    std::shared_ptr<Multiplexer> multiplexer_;
    std::uint64_t moved_ = 0;
};

}  // namespace charioteer::channel
