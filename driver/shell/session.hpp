#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/condition.hpp"
#include "io/connection.hpp"
#include "io/error.hpp"
#include "io/time_source.hpp"
#include "io/unique_fd.hpp"
#include "io/with_reminder.hpp"
#include "shell/plain_codec.hpp"

namespace charioteer::shell {

namespace asio = boost::asio;

/// What is told while the guest has not greeted. Called on the io thread.
struct ReadyEvents {
    std::function<void()> quiet;                       ///< nothing came for 30 s
    std::function<void(std::string_view chunk)> said;  ///< bytes that came
};

/// Something else than an answer came: the console has other writers than the shell. The shell
/// itself is usable.
class GarbledAnswer : public io::Error {
public:
    using Error::Error;
};

/// The guest's shell started anew while a command ran in it, as after a reboot. The new one
/// listens.
class Restarted : public io::Error {
public:
    using Error::Error;
};

/// The root shell of one guest (docs/shell-protocol.md). Io thread only. Commands of several
/// coroutines run one after the other, in the order in which they came.
///
/// A command that was given up (deadline, cancellation) still runs in the guest; its answer is
/// recognised by its number and skipped, and commands after it wait for it there.
class Session : public std::enable_shared_from_this<Session> {
public:
    /// `reason` is asked when the guest's side ends the connection.
    static std::shared_ptr<Session> open(io::UnixStream stream, io::DisconnectReason reason,
                                         io::TimeSource& time);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// False once the connection has ended; everything then throws io::ConnectionLost.
    bool usable() const noexcept { return !connection_->lost(); }

    /// Waits for a greeting; one that a command came upon counts, until another command was
    /// answered. Throws io::TimeoutError, io::ConnectionLost.
    asio::awaitable<void> wait_ready(ReadyEvents events, io::Deadline deadline);

    /// `handler` is called while a command is waited for whose output others hold.
    void on_holders(std::function<void(const std::string& command, const Holders&)> handler) {
        report_holders_ = std::move(handler);
    }

    /// So long processes that hold the output may be silent once the command's shell has ended;
    /// zero is for ever.
    void limit_holders(std::chrono::seconds limit) noexcept { holder_limit_ = limit; }

    /// `remind` is called every so often while a command waits for its turn.
    void on_wait(io::Remind remind) { remind_ = std::move(remind); }

    /// Runs a strict script without input. `deadline` is of its answer, and so of its turn, too;
    /// those who hold the output of a command that has ended in time are waited for beyond it.
    /// Throws io::UsageError for a command that cannot be sent, io::TimeoutError, GarbledAnswer,
    /// Restarted, io::ConnectionLost. The session stays usable after all but the last.
    asio::awaitable<command::Outcome> execute(command::Command command, io::Deadline deadline);

    /// Has the shell, whichever it is, run a script of POSIX; the one word that it prints (see
    /// bare_line()). Throws as execute() does.
    asio::awaitable<std::string> execute_bare(std::string script, io::Deadline deadline);

    /// Appends up to `longest_append` bytes to a file of the guest; `file` is a word of its shell.
    /// The output is what the guest's programs say when they fail. Throws as execute() does.
    asio::awaitable<Answer> append(std::string bytes, std::string file, io::Deadline deadline);

    /// Sends bytes as they are, past commands that run. Throws io::TimeoutError,
    /// io::ConnectionLost.
    asio::awaitable<void> send_raw(std::string bytes, io::Deadline deadline);

    /// A copy of the socket, for somebody who speaks to the shell directly. Commands wait until
    /// take_back().
    asio::awaitable<io::UniqueFd> lend();
    void take_back();

    /// The guest may not be what it was, as after a snapshot was loaded: before the next command
    /// the shell is told again what it needs for it.
    void renew() noexcept {
        renew_ = true;
        saved_in_data_ = saved_in_data_ || appending_;
    }

    /// Whoever waits gets io::ConnectionLost. Idempotent.
    void close();

private:
    class Turn;

    Session(std::shared_ptr<io::Connection> connection, io::TimeSource& time);
    asio::awaitable<std::unique_ptr<Turn>> take_turn();
    asio::awaitable<void> until_turn_of(const Turn& turn);
    /// Gives what came to answers_; a view of it, until the next call.
    asio::awaitable<std::string_view> read_some();
    /// Whether a greeting has come, of a shell that knows nothing yet.
    bool take_greeting();
    void begin_line();
    asio::awaitable<void> until_greeted(std::function<void(std::string_view)> said,
                                        std::shared_ptr<bool> heard);
    void take_holders(std::uint64_t number, const std::string& text);
    asio::awaitable<Answer> answer_to(std::uint64_t number, std::string text);

    std::shared_ptr<io::Connection> connection_;
    io::TimeSource& time_;
    io::Condition turns_changed_;
    std::deque<std::uint64_t> turns_;  ///< waiting coroutines; the first has the shell
    std::uint64_t last_turn_ = 0;
    io::Remind remind_ = [](io::Duration) {};
    std::function<void(const std::string&, const Holders&)> report_holders_ = [](const std::string&,
                                                                                 const Holders&) {};
    std::chrono::seconds holder_limit_{};
    std::uint64_t held_ = 0;  ///< number of the last command whose output others held
    std::unique_ptr<Turn> lent_;
    AnswerReader answers_;
    std::uint64_t last_number_ = 0;
    bool renew_ = false;
    bool appending_ = false;      ///< the guest is sent data
    bool saved_in_data_ = false;  ///< a snapshot may have been made meanwhile
    bool prepared_ = false;       ///< `preparation` was sent to the shell
    std::uint64_t greetings_ = 0;
    bool greeted_ = false;      ///< a greeting came that wait_ready() has not yet seen
    std::size_t awaiting_ = 0;  ///< calls of wait_ready() under way
};

}  // namespace charioteer::shell
