#include "shell/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace charioteer::shell {

namespace {

using namespace std::chrono_literals;

/// Upstream's interval for the same log line.
constexpr auto silence_limit = 30s;
constexpr std::size_t read_size = 64 * 1024;

}  // namespace

/// A place in the queue for the shell; the destructor gives it up.
class Session::Turn {
public:
    explicit Turn(std::shared_ptr<Session> session)
        : session_(std::move(session)), number_(++session_->last_turn_) {
        session_->turns_.push_back(number_);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        std::erase(session_->turns_, number_);
        session_->turns_changed_.notify_all();
    }

    bool has_come() const noexcept { return session_->turns_.front() == number_; }

private:
    std::shared_ptr<Session> session_;
    std::uint64_t number_;
};

Session::Session(std::shared_ptr<io::Connection> connection, io::TimeSource& time)
    : connection_(std::move(connection)), time_(time), turns_changed_(connection_->executor()) {}

Session::~Session() = default;

std::shared_ptr<Session> Session::open(io::UnixStream stream, io::DisconnectReason reason,
                                       io::TimeSource& time) {
    auto full_reason = [reason = std::move(reason)]() -> asio::awaitable<std::string> {
        auto why = co_await reason();
        co_return fmt::format("Shell disconnected: {}", why);
    };
    auto connection = io::Connection::open(std::move(stream), std::move(full_reason), read_size);
    return std::shared_ptr<Session>(new Session(std::move(connection), time));
}

asio::awaitable<void> Session::until_turn_of(const Turn& turn) {
    while (!turn.has_come() && usable()) co_await turns_changed_.wait();
}

asio::awaitable<std::unique_ptr<Session::Turn>> Session::take_turn() {
    auto turn = std::make_unique<Turn>(shared_from_this());
    if (!turn->has_come()) co_await io::with_reminder(until_turn_of(*turn), time_, remind_);
    connection_->expect_open();
    co_return turn;
}

asio::awaitable<std::string_view> Session::read_some() {
    auto bytes = co_await connection_->read();
    answers_.feed(bytes);
    co_return bytes;
}

bool Session::handle_greeting() {
    if (!answers_.greeted()) return false;
    prepared_ = false;
    ++greetings_;
    return true;
}

asio::awaitable<void> Session::receive_greeting(std::function<void(std::string_view)> on_bytes,
                                                std::shared_ptr<bool> any_bytes) {
    while (!greeted_) {
        auto bytes = co_await read_some();
        *any_bytes = true;
        on_bytes(bytes);
        // Skips answers to commands from before the reboot, which have no caller any more.
        while (answers_.next()) continue;
        greeted_ = handle_greeting();
    }
}

asio::awaitable<void> Session::wait_ready(ReadyEvents events, io::Deadline deadline) {
    auto self = shared_from_this();
    struct Count {
        std::size_t& count;
        ~Count() { --count; }
    } count{++awaiting_};
    auto greetings_before = greetings_;
    auto turn =
        co_await deadline.limit(take_turn(), "an earlier command kept the guest's root shell");
    auto any_bytes = std::make_shared<bool>(false);
    // Another call may have received the greeting while this one waited for its turn.
    while (!greeted_ && greetings_ == greetings_before) {
        auto slice = time_.deadline_after(silence_limit);
        if (deadline.when() < slice.when()) slice = deadline;
        try {
            co_await slice.limit(receive_greeting(events.received, any_bytes),
                                 "the guest's root shell did not send a greeting");
        } catch (const io::TimeoutError&) {
            if (slice.when() == deadline.when()) throw;
            if (!*any_bytes) events.silent();
        }
    }
    greeted_ = false;
}

void Session::take_holders(std::uint64_t number, const std::string& text) {
    while (auto holders = answers_.next_holders()) {
        if (holders->number != number) continue;
        held_ = number;
        report_holders_(text, *holders);
    }
}

asio::awaitable<Answer> Session::answer_to(std::uint64_t number, std::string text) {
    for (;;) {
        while (auto answer = answers_.next()) {
            take_holders(number, text);
            if (answer->number != number) continue;
            // The new shell has answered: its greeting need not be waited for any more.
            if (awaiting_ == 0) greeted_ = false;
            if (!answer->damage.empty())
                throw GarbledAnswer(fmt::format(
                    "the command ended with status {}, but what the guest sent as its output is "
                    "damaged (does something else write to the shell's console?): {}",
                    answer->status, answer->damage));
            co_return std::move(*answer);
        }
        take_holders(number, text);
        if (handle_greeting()) {
            greeted_ = true;
            throw Restarted("the guest's root shell was restarted while the command ran in it");
        }
        co_await read_some();
    }
}

asio::awaitable<command::Outcome> Session::execute(command::Command command,
                                                   io::Deadline deadline) {
    auto begin = time_.now();
    auto number = ++last_number_;
    auto line = command_line(command, number, holder_limit_);
    auto turn =
        co_await deadline.limit(take_turn(), "an earlier command kept the guest's root shell");
    begin_line();
    if (!std::exchange(prepared_, true)) connection_->send(preparation);
    connection_->send(line);
    if (!command.want_output) {
        co_await deadline.limit(connection_->flushed(), "the guest did not read the command");
        co_return command::Outcome{};
    }
    Answer answer;
    bool ended_in_time = false;
    try {
        answer =
            co_await deadline.limit(answer_to(number, command.text), "the guest did not answer");
    } catch (const io::TimeoutError&) {
        if (held_ != number) throw;
        ended_in_time = true;
    }
    if (ended_in_time) answer = co_await answer_to(number, command.text);
    command::Outcome outcome;
    outcome.status = answer.status;
    outcome.output = std::move(answer.output);
    outcome.duration = time_.now() - begin;
    outcome.timed_out = command.limit && answer.status == command::cut_off_status;
    co_return outcome;
}

/// The guest may have been restored to a state that was saved while its shell read a line, or while
/// its programs read data of append(): line ends complete what they wait for.
void Session::begin_line() {
    if (!std::exchange(prepare_again_, false)) return;
    connection_->send(std::string(saved_in_data_ ? 2 * longest_append : 1, '\n'));
    prepared_ = false;
}

asio::awaitable<std::string> Session::execute_bare(std::string script, io::Deadline deadline) {
    auto number = ++last_number_;
    auto turn =
        co_await deadline.limit(take_turn(), "an earlier command kept the guest's root shell");
    begin_line();
    connection_->send(bare_line(script, number));
    auto answer = co_await deadline.limit(answer_to(number, script), "the guest did not answer");
    co_return std::move(answer.output);
}

asio::awaitable<Answer> Session::append(std::string bytes, std::string file,
                                        io::Deadline deadline) {
    auto number = ++last_number_;
    auto turn =
        co_await deadline.limit(take_turn(), "an earlier command kept the guest's root shell");
    begin_line();
    struct Appending {
        std::shared_ptr<Session> session;
        ~Appending() { session->appending_ = false; }
    } appending{shared_from_this()};
    appending_ = true;
    connection_->send(append_lines(bytes, file, number));
    co_return co_await deadline.limit(answer_to(number, file), "the guest did not answer");
}

asio::awaitable<void> Session::send_raw(std::string bytes, io::Deadline deadline) {
    auto self = shared_from_this();
    connection_->send(bytes);
    std::exception_ptr failure;
    try {
        co_await deadline.limit(connection_->flushed(),
                                "the guest did not read the bytes that were sent to its shell");
    } catch (...) {
        failure = std::current_exception();
    }
    // While the shell is lent, only this detects its end, which commands in the queue wait for.
    if (!usable()) turns_changed_.notify_all();
    if (failure) std::rethrow_exception(failure);
}

asio::awaitable<io::UniqueFd> Session::lend() {
    auto turn = co_await take_turn();
    io::UniqueFd copy(::fcntl(connection_->descriptor(), F_DUPFD_CLOEXEC, 0));
    if (!copy) throw io::system_error("cannot copy the socket of the shell", errno);
    lent_ = std::move(turn);
    co_return copy;
}

void Session::take_back() {
    if (!lent_) return;
    // Both descriptors share their flags, and the borrower may have removed O_NONBLOCK.
    if (usable()) ::fcntl(connection_->descriptor(), F_SETFL, O_NONBLOCK);
    // Completes a line that the borrower left incomplete. It may have started another shell.
    connection_->send("\n");
    prepared_ = false;
    lent_.reset();
}

void Session::close() {
    connection_->close();
    turns_changed_.notify_all();
    // It has a reference to this session.
    lent_.reset();
}

}  // namespace charioteer::shell
