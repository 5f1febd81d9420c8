#include "terminal/visit.hpp"

#include <array>
#include <boost/asio/write.hpp>
#include <csignal>
#include <utility>

#include "io/with_deadline.hpp"
#include "terminal/login.hpp"

namespace charioteer::terminal {

namespace {

using namespace std::chrono_literals;

/// For a visitor to say what it wants.
constexpr auto opening_limit = 10s;
/// What the visitor sees when there is no shell, or none any more.
constexpr int status_of_failure = 1;

}  // namespace

Visit::Visit(io::UnixStream stream, Begin begin, io::TimeSource& time)
    : stream_(std::move(stream)), begin_(std::move(begin)), time_(time) {}

asio::awaitable<void> Visit::run(std::shared_ptr<Visit> self) {
    auto executor = co_await asio::this_coro::executor;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, self->serve(), asio::deferred),
        asio::co_spawn(executor, self->gone(), asio::deferred));
    // How they failed is of no interest: nobody is there any more who could be told.
    co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    self->hang_up();
    self->close();
}

void Visit::close() noexcept {
    boost::system::error_code ignored;
    stream_.close(ignored);
}

/// Returns once the visitor has closed its end, also while what it has sent is not read because the
/// guest does not take it.
asio::awaitable<void> Visit::gone() {
    co_await stream_.async_wait(io::UnixStream::wait_error, asio::use_awaitable);
}

asio::awaitable<void> Visit::serve() {
    int status = status_of_failure;
    std::string why;
    try {
        co_await start_shell();
        if (!co_await relay()) co_return;
        status = shell_->ending().status;
    } catch (const io::Error& error) {
        why = error.what();
    }
    co_await send(encode_ended(status, why));
}

asio::awaitable<void> Visit::start_shell() {
    auto first = co_await io::with_deadline(receive(), time_.deadline_after(opening_limit), time_,
                                            "the visitor did not say what it wants");
    if (first.type != MessageType::open) throw Malformed("a visitor's first message opens a shell");
    auto request = login_request(decode_opening(first.payload));
    shell_ = co_await begin_(std::move(request));
    co_await shell_->started();
    co_await send(encode(MessageType::started, {}));
}

/// Whether the shell has ended; else the visitor has, or speaks in tongues.
asio::awaitable<bool> Visit::relay() {
    auto executor = co_await asio::this_coro::executor;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, forward_output(), asio::deferred),
        asio::co_spawn(executor, forward_input(), asio::deferred));
    auto [order, output_failure, input_failure] =
        co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    // Its end may have been in the middle of a message to it, after which nothing can be said.
    if (order[0] == 1) co_return false;
    if (output_failure) std::rethrow_exception(output_failure);
    co_return true;
}

asio::awaitable<void> Visit::forward_output() {
    for (;;) {
        auto piece = co_await shell_->next();
        if (!piece) co_return;
        bool errors = piece->source == channel::Source::errors;
        auto type = errors ? MessageType::errors : MessageType::output;
        co_await send(encode(type, piece->bytes));
    }
}

asio::awaitable<void> Visit::forward_input() {
    for (;;) {
        auto message = co_await receive();
        try {
            co_await take(std::move(message));
        } catch (const io::ConnectionLost&) {
            // forward_output() tells it, when all is said that came before.
        }
    }
}

asio::awaitable<void> Visit::take(Message message) {
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
            throw Malformed("a visit has one shell");
    }
}

asio::awaitable<Message> Visit::receive() {
    std::array<char, 16 * 1024> room;
    for (;;) {
        if (auto message = reader_.next()) co_return std::move(*message);
        auto size = co_await stream_.async_read_some(asio::buffer(room), asio::use_awaitable);
        reader_.feed({room.data(), size});
    }
}

asio::awaitable<void> Visit::send(std::string bytes) {
    co_await asio::async_write(stream_, asio::buffer(bytes), asio::use_awaitable);
}

void Visit::hang_up() {
    if (shell_) shell_->signal(SIGHUP);
    // Nobody holds it then, so that what ignores the signal is ended too.
    shell_.reset();
}

}  // namespace charioteer::terminal
