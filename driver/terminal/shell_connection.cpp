#include "terminal/shell_connection.hpp"

#include <array>
#include <boost/asio/write.hpp>
#include <csignal>
#include <utility>

#include "io/race.hpp"
#include "terminal/login.hpp"

namespace charioteer::terminal {

namespace {

using namespace std::chrono_literals;

/// For a client's first message.
constexpr auto opening_limit = 10s;
/// The exit status that the client gets when its shell could not be started, or was lost.
constexpr int status_of_failure = 1;

}  // namespace

ShellConnection::ShellConnection(io::UnixStream stream, Begin begin, io::TimeSource& time)
    : stream_(std::move(stream)), begin_(std::move(begin)), time_(time) {}

asio::awaitable<void> ShellConnection::run(std::shared_ptr<ShellConnection> self) {
    try {
        co_await io::race(self->serve(), self->until_disconnected());
    } catch (const std::exception&) {
        // The connection failed: there is no client left to report it to.
    }
    self->hang_up();
    self->close();
}

void ShellConnection::close() noexcept {
    boost::system::error_code ignored;
    stream_.close(ignored);
}

/// Returns once the client has closed its end, also while its input is not read because the guest
/// does not read it.
asio::awaitable<void> ShellConnection::until_disconnected() {
    co_await stream_.async_wait(io::UnixStream::wait_error, asio::use_awaitable);
}

asio::awaitable<void> ShellConnection::serve() {
    int status = status_of_failure;
    std::string why;
    try {
        co_await start_shell();
        if (!co_await relay()) co_return;
        status = shell_->outcome().status;
    } catch (const io::Error& error) {
        why = error.what();
    }
    co_await send(encode_ended(status, why));
}

asio::awaitable<void> ShellConnection::start_shell() {
    auto first = co_await time_.deadline_after(opening_limit)
                     .limit(receive(), "the client did not open a shell");
    if (first.type != MessageType::open)
        throw Malformed("a client's first message must open a shell");
    auto login = login_command(decode_opening(first.payload));
    shell_ = co_await begin_(std::move(login));
    co_await shell_->started();
    co_await send(encode(MessageType::started, {}));
}

/// True when the shell has ended; false when the client has closed its end or sent an invalid
/// message.
asio::awaitable<bool> ShellConnection::relay() {
    return io::race(forward_output(), until_input_fails());
}

asio::awaitable<void> ShellConnection::forward_output() {
    for (;;) {
        auto piece = co_await shell_->next();
        if (!piece) co_return;
        bool errors = piece->source == channel::Source::errors;
        auto type = errors ? MessageType::errors : MessageType::output;
        co_await send(encode(type, piece->bytes));
    }
}

asio::awaitable<void> ShellConnection::until_input_fails() {
    try {
        co_await forward_input();
    } catch (const std::exception&) {
        // Not reported to the client: the output may have stopped in the middle of a message.
    }
}

asio::awaitable<void> ShellConnection::forward_input() {
    for (;;) {
        auto message = co_await receive();
        try {
            co_await take(std::move(message));
        } catch (const io::ConnectionLost&) {
            // Reported by forward_output(), after the output that was received before.
        }
    }
}

asio::awaitable<void> ShellConnection::take(Message message) {
    switch (message.type) {
        case MessageType::input:
            co_await shell_->write(std::move(message.payload));
            break;
        case MessageType::input_end:
            shell_->end_input();
            break;
        case MessageType::resize:
            shell_->resize(decode_size(message.payload));
            break;
        default:
            throw Malformed("a connection has one shell");
    }
}

asio::awaitable<Message> ShellConnection::receive() {
    std::array<char, 16 * 1024> room;
    for (;;) {
        if (auto message = reader_.next()) co_return std::move(*message);
        auto size = co_await stream_.async_read_some(asio::buffer(room), asio::use_awaitable);
        reader_.feed({room.data(), size});
    }
}

asio::awaitable<void> ShellConnection::send(std::string bytes) {
    co_await asio::async_write(stream_, asio::buffer(bytes), asio::use_awaitable);
}

void ShellConnection::hang_up() {
    if (shell_) shell_->signal(SIGHUP);
    // The last reference to the call: its end also ends processes that ignore the signal.
    shell_.reset();
}

}  // namespace charioteer::terminal
