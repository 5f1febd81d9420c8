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

/// Called on the io thread while the guest's greeting is waited for.
struct ReadyEvents {
    std::function<void()> silent;                          ///< nothing was received for 30 s
    std::function<void(std::string_view chunk)> received;  ///< bytes from the guest
};

/// The answer was damaged: another program than the shell writes to the console. The session stays
/// usable.
class GarbledAnswer : public io::Error {
public:
    using Error::Error;
};

/// The guest's shell was restarted while a command ran in it, as by a reboot. The new shell accepts
/// commands.
class Restarted : public io::Error {
public:
    using Error::Error;
};

/// The root shell of one guest (docs/shell-protocol.md). Io thread only. Commands of several
/// coroutines run one after the other, in the order of the calls.
///
/// After a deadline or a cancellation the command still runs in the guest. Its answer is recognised
/// by its number and skipped; later commands start when it has ended.
class Session : public std::enable_shared_from_this<Session> {
public:
    /// `reason` is called when the guest's side closes the connection.
    static std::shared_ptr<Session> open(io::UnixStream stream, io::DisconnectReason reason,
                                         io::TimeSource& time);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// False once the connection has ended; everything then throws io::ConnectionLost.
    bool usable() const noexcept { return !connection_->lost(); }

    /// Waits for a greeting. One that was received during a command counts too, until a later
    /// command was answered. Throws io::TimeoutError, io::ConnectionLost.
    asio::awaitable<void> wait_ready(ReadyEvents events, io::Deadline deadline);

    /// `handler` is called for each report on holders while the command's caller waits.
    void on_holders(std::function<void(const std::string& command, const Holders&)> handler) {
        report_holders_ = std::move(handler);
    }

    /// How long processes that hold the output may write nothing after the end of the command's
    /// shell; zero is no limit.
    void limit_holders(std::chrono::seconds limit) noexcept { holder_limit_ = limit; }

    /// `remind` is called at intervals while a command waits for its turn.
    void on_wait(io::Remind remind) { remind_ = std::move(remind); }

    /// Runs a strict script without input. `deadline` includes the wait for its turn; it does not
    /// limit the wait for processes that hold the output of a command that has ended in time.
    /// Throws io::UsageError for a command that cannot be sent, io::TimeoutError, GarbledAnswer,
    /// Restarted, io::ConnectionLost. The session stays usable after all but the last.
    asio::awaitable<command::Outcome> execute(command::Command command, io::Deadline deadline);

    /// Makes the guest's shell, of any kind, run a POSIX script; returns the one word that it
    /// prints (see bare_line()). Throws as execute() does.
    asio::awaitable<std::string> execute_bare(std::string script, io::Deadline deadline);

    /// Appends up to `longest_append` bytes to a file of the guest; `file` is a word of its shell.
    /// The output is the error text of the guest's programs. Throws as execute() does.
    asio::awaitable<Answer> append(std::string bytes, std::string file, io::Deadline deadline);

    /// Sends bytes unchanged, without waiting for its turn. Throws io::TimeoutError,
    /// io::ConnectionLost.
    asio::awaitable<void> send_raw(std::string bytes, io::Deadline deadline);

    /// A duplicate of the socket, for a caller that uses the shell directly. Commands wait until
    /// take_back().
    asio::awaitable<io::UniqueFd> lend();
    void take_back();

    /// The guest may have been restored to a saved state: `preparation` is sent again before the
    /// next command.
    void prepare_again() noexcept {
        prepare_again_ = true;
        saved_in_data_ = saved_in_data_ || appending_;
    }

    /// Calls that wait throw io::ConnectionLost. Idempotent.
    void close();

private:
    class Turn;

    Session(std::shared_ptr<io::Connection> connection, io::TimeSource& time);
    asio::awaitable<std::unique_ptr<Turn>> take_turn();
    asio::awaitable<void> until_turn_of(const Turn& turn);
    /// Passes received bytes to answers_; returns them, valid until the next call.
    asio::awaitable<std::string_view> read_some();
    /// Whether a greeting was received, so that the shell has to be prepared.
    bool handle_greeting();
    void begin_line();
    asio::awaitable<void> receive_greeting(std::function<void(std::string_view)> on_bytes,
                                           std::shared_ptr<bool> any_bytes);
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
    std::uint64_t held_ = 0;  ///< number of the last command with a report on holders
    std::unique_ptr<Turn> lent_;
    AnswerReader answers_;
    std::uint64_t last_number_ = 0;
    bool prepare_again_ = false;
    bool appending_ = false;      ///< append() sends data
    bool saved_in_data_ = false;  ///< the guest's state may have been saved meanwhile
    bool prepared_ = false;       ///< `preparation` was sent to the shell
    std::uint64_t greetings_ = 0;
    bool greeted_ = false;      ///< a greeting was received that wait_ready() has not returned for
    std::size_t awaiting_ = 0;  ///< running calls of wait_ready()
};

}  // namespace charioteer::shell
