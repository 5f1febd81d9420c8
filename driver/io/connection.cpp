#include "io/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "io/error.hpp"

namespace charioteer::io {

Connection::Connection(UnixStream stream, DisconnectReason reason, std::size_t read_size)
    : stream_(std::move(stream)),
      outbox_(stream_),
      reason_(std::move(reason)),
      changed_(stream_.get_executor()),
      buffer_(read_size) {}

std::shared_ptr<Connection> Connection::open(UnixStream stream, DisconnectReason reason,
                                             std::size_t read_size) {
    std::shared_ptr<Connection> self(
        new Connection(std::move(stream), std::move(reason), read_size));
    asio::co_spawn(self->executor(), write_all(self), asio::detached);
    return self;
}

asio::awaitable<void> Connection::write_all(std::shared_ptr<Connection> self) {
    co_await self->outbox_.run();
}

void Connection::receive_all(Receive receive, Ended ended) {
    asio::co_spawn(executor(), read_all(shared_from_this(), std::move(receive), std::move(ended)),
                   asio::detached);
}

asio::awaitable<void> Connection::read_all(std::shared_ptr<Connection> self, Receive receive,
                                           Ended ended) {
    try {
        for (;;) receive(co_await self->read());
    } catch (const std::exception& error) {
        // Keeps the reason if the connection has already ended.
        self->close(error.what());
    }
    ended(*self->lost_);
}

asio::awaitable<std::string_view> Connection::read() {
    expect_open();
    auto self = shared_from_this();
    boost::system::error_code failure;
    auto got = co_await stream_.async_read_some(asio::buffer(buffer_),
                                                asio::redirect_error(asio::use_awaitable, failure));
    // Either the caller was cancelled or close() was called.
    if (failure == asio::error::operation_aborted && !lost_)
        throw boost::system::system_error(failure);
    if (failure) co_await fail();
    co_return std::string_view(buffer_.data(), got);
}

asio::awaitable<void> Connection::flushed() {
    auto self = shared_from_this();
    co_await outbox_.flushed();
    if (outbox_.stopped()) co_await fail();
}

asio::awaitable<void> Connection::fail() {
    stream_ended_ = true;
    changed_.notify_all();
    if (!lost_) {
        auto why = co_await reason_();
        close(std::move(why));
    }
    throw ConnectionLost(*lost_);
}

asio::awaitable<void> Connection::until_stream_ended() {
    auto self = shared_from_this();
    while (!stream_ended_ && !lost_) co_await changed_.wait();
}

void Connection::expect_open() const {
    if (lost_) throw ConnectionLost(*lost_);
}

void Connection::close(std::string why) {
    if (lost_) return;
    lost_ = std::move(why);
    outbox_.stop();
    boost::system::error_code ignored;
    stream_.close(ignored);
    changed_.notify_all();
}

}  // namespace charioteer::io
