#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "channel/frame_sink.hpp"
#include "command/command.hpp"
#include "frames/messages.hpp"
#include "io/condition.hpp"
#include "io/deadline.hpp"
#include "io/error.hpp"

namespace charioteer::channel {

namespace asio = boost::asio;

/// The agent has refused to start the command. The text is the reason.
class Refused : public io::Error {
public:
    using Error::Error;
};

/// The connection was lost before any part of the command was sent: it can be sent to another
/// agent.
class NotSent : public io::ConnectionLost {
public:
    using ConnectionLost::ConnectionLost;
};

/// Bytes of output and errors that a command may write before the driver takes them: usually, and
/// at most.
constexpr std::uint32_t usual_output_window = 256 * 1024;
constexpr std::uint32_t largest_output_window = 1024 * 1024;

/// Processes that keep the answer of a command from being complete.
struct HeldOutput {
    enum class State {
        waiting,    ///< its shell has ended, and they have its standard output open
        given_up,   ///< the same, and the answer was sent without their further output
        not_ended,  ///< SIGKILL has not ended them after its limit; the answer was sent
    };
    std::string command;
    std::string holders;  ///< "name (pid n)", separated by ", ", as far as they were found
    State state = State::waiting;
};

enum class Source { output, errors };

struct Piece {
    Source source = Source::output;
    std::string bytes;
};

/// One command in the guest. Io thread only. Its output waits here until it is taken, and the
/// guest is given room for more then: a command whose output is not taken stops at its next write.
/// When the last reference to the call is released, its process group is ended.
class Call : public std::enable_shared_from_this<Call> {
public:
    enum class State {
        waiting,  ///< for its process to start
        running,
        ended,
        refused,   ///< the agent did not start it
        failed,    ///< the guest or its connection was lost, or the call was cancelled
        not_sent,  ///< as `failed`, and no part of it was sent to the agent
    };

    /// The command, and when its caller has started it.
    struct Origin {
        command::Command command;
        io::TimePoint at;
        std::uint32_t output_window = usual_output_window;
    };

    Call(std::weak_ptr<FrameSink> sink, std::uint32_t stream, Origin origin,
         const asio::any_io_executor& executor);
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call();

    const Origin& origin() const noexcept { return origin_; }
    State state() const noexcept { return state_; }
    /// Whether it has not ended, been refused or failed.
    bool live() const noexcept { return state_ == State::waiting || state_ == State::running; }
    /// Waits until its process has started; its process id. Throws Refused, io::ConnectionLost.
    asio::awaitable<std::uint32_t> started();
    /// The next piece of its output; none once it has ended and everything was taken. Throws
    /// Refused, io::ConnectionLost.
    asio::awaitable<std::optional<Piece>> next();
    /// Returns when next() would not wait. When a deadline cancels this, no piece is lost.
    asio::awaitable<void> until_next();
    /// How it ended, without the output, which next() has returned. Valid once next() returns none.
    const command::Outcome& outcome() const noexcept { return outcome_; }
    bool ended() const noexcept { return state_ == State::ended; }

    /// Sends it input; returns when the guest has room for all of it. Input after its end is
    /// discarded. Calls of several coroutines must not overlap. Throws io::ConnectionLost.
    asio::awaitable<void> write(std::string bytes);
    /// Ends its input after what was written.
    void end_input();
    /// Sends its process group a signal; 0 is SIGTERM, and SIGKILL 5 s later to what is left.
    void signal(int number);
    void resize(command::TerminalSize size);
    /// It runs on after the last reference to the call was released. Its standard output is
    /// discarded then, and its standard error goes to Settings::late_errors.
    void detach() noexcept { detached_ = true; }
    /// Ends it, also while there are other references; one that was not sent yet is never sent.
    void cancel();

    // For the multiplexer.
    void handle_started(std::uint32_t process);
    void handle_piece(Source source, std::string_view bytes);
    /// False if the credit is larger than the agent can give.
    bool handle_credit(std::uint32_t bytes);
    void handle_exit(command::Outcome outcome);
    void refuse(std::string why);
    /// `unsent`: no part of it was sent to the agent.
    void fail(std::string why, bool unsent = false);

private:
    void finish(State state, std::string why);
    void throw_failure() const;
    void return_credit();

    std::weak_ptr<FrameSink> sink_;
    std::uint32_t stream_;
    Origin origin_;
    std::size_t credit_piece_;  ///< room is given back in pieces of this size, in bytes
    io::Condition changed_;
    std::uint32_t process_ = 0;
    std::deque<Piece> pieces_;
    std::size_t owed_ = 0;  ///< bytes taken before its end and not yet given credit for
    std::uint32_t input_room_ = frames::input_window;
    bool detached_ = false;
    State state_ = State::waiting;
    std::string why_;  ///< why it was refused or failed
    command::Outcome outcome_;
};

/// Cancels the call at the end of a scope, unless it has ended.
class CancelOnExit {
public:
    explicit CancelOnExit(std::shared_ptr<Call> call) : call_(std::move(call)) {}
    CancelOnExit(const CancelOnExit&) = delete;
    CancelOnExit& operator=(const CancelOnExit&) = delete;
    ~CancelOnExit() { call_->cancel(); }

private:
    std::shared_ptr<Call> call_;
};

}  // namespace charioteer::channel
