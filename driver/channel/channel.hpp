#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "channel/call.hpp"
#include "io/line_splitter.hpp"
#include "io/obituary.hpp"
#include "io/outbox.hpp"
#include "io/time_source.hpp"

namespace charioteer::channel {

/// What the agent says of itself; zeros for its program when it cannot read its own file.
struct Peer {
    std::uint32_t version = 0;
    std::uint64_t program_size = 0;
    std::uint64_t program_checksum = 0;
};

/// The line to the agents of one guest, which follow each other: each reboot needs another one. Io
/// thread only.
class Channel : public Call::Line, public std::enable_shared_from_this<Channel> {
public:
    /// Gets the lines, without their ends, that are written to the standard error of commands whose
    /// calls have ended or are not held any more.
    using LateErrors = std::function<void(std::string line)>;

    /// `obituary` is asked when the connection ends.
    static std::shared_ptr<Channel> open(io::UnixStream stream, io::Obituary obituary,
                                         LateErrors late_errors, io::TimeSource& time);
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel() override;

    /// Sends bytes that are no frames: the agent's program, to whoever reads it from the line.
    void send_raw(std::string_view bytes);
    /// From now on an agent with this nonce is awaited; calls to the one before are lost.
    void expect(std::uint64_t nonce);
    /// Waits for the hello of the expected agent, which has then the channel. Throws
    /// io::TimeoutError, io::ConnectionLost.
    asio::awaitable<Peer> greeted(io::Deadline deadline);
    /// Whether an agent listens.
    bool usable() const noexcept { return state_ == State::usable; }

    /// Has the agent start something. Throws io::ConnectionLost when there is no agent.
    std::shared_ptr<Call> start(Request request);
    /// Waits for an answer of the agent. Throws io::TimeoutError, io::ConnectionLost.
    asio::awaitable<void> ping(io::Deadline deadline);
    /// When something was last heard of the agent.
    io::TimePoint heard() const noexcept { return heard_; }

    /// There is no agent any more: whoever waits gets io::ConnectionLost with this reason.
    void lose(const std::string& why);
    /// Calls under way get io::ConnectionLost; the agent stays, as it may only be slow.
    void lose_calls(const std::string& why);
    /// For good; closes the connection. Idempotent.
    void close();

private:
    enum class State { silent, expecting, usable, closed };
    /// One stream, until the agent says that nothing more comes of it.
    struct Entry {
        std::weak_ptr<Call> call;
        io::LineSplitter late_lines;
    };

    Channel(io::UnixStream stream, io::Obituary obituary, LateErrors late_errors,
            io::TimeSource& time);
    static asio::awaitable<void> read(std::shared_ptr<Channel> self);
    static asio::awaitable<void> write(std::shared_ptr<Channel> self);
    asio::awaitable<void> until_greeted();
    asio::awaitable<void> until_answered(std::uint64_t number);
    void take_bytes(std::string_view bytes);
    void take(const frames::Header& header, frames::Bytes payload);
    void take_hello(frames::Bytes payload);
    void take_for_stream(const frames::Header& header, frames::Bytes payload);
    void take_for_call(Call& call, const frames::Header& header, frames::Bytes payload);
    void take_late(std::uint32_t stream, Entry& entry, frames::Type type, std::string_view bytes);
    void send(frames::Type type, std::uint32_t stream, std::string_view payload) override;
    void drop(std::uint32_t stream, bool leave) override;

    io::UnixStream stream_;
    io::Outbox outbox_;
    io::Obituary obituary_;
    LateErrors late_errors_;
    io::TimeSource& time_;
    io::Condition changed_;
    State state_ = State::silent;
    std::string why_not_ = "no agent was started";  ///< there is no agent
    std::uint64_t nonce_ = 0;
    Peer peer_;
    std::string received_;
    std::uint32_t sent_ = 0;      ///< frames to this agent
    std::uint32_t expected_ = 0;  ///< sequence number of its next frame
    std::uint32_t last_stream_ = 0;
    std::map<std::uint32_t, Entry> streams_;
    std::uint64_t last_ping_ = 0;
    std::uint64_t last_pong_ = 0;
    io::TimePoint heard_{};
};

}  // namespace charioteer::channel
