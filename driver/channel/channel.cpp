#include "channel/channel.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

namespace charioteer::channel {

namespace {

constexpr std::size_t read_size = 128 * 1024;

}  // namespace

Channel::Channel(io::UnixStream stream, io::Obituary obituary, Settings settings,
                 io::TimeSource& time)
    : stream_(std::move(stream)),
      outbox_(stream_),
      obituary_(std::move(obituary)),
      time_(time),
      exchange_(Exchange::make(
          stream_.get_executor(), [this](std::string_view bytes) { send_raw(bytes); },
          std::move(settings), time)) {}

// A wait for the exchange may hold it for longer, but it sends nothing then.
Channel::~Channel() {
    exchange_->close("the driver closed the connection");
}

std::shared_ptr<Channel> Channel::open(io::UnixStream stream, io::Obituary obituary,
                                       Settings settings, io::TimeSource& time) {
    std::shared_ptr<Channel> self(
        new Channel(std::move(stream), std::move(obituary), std::move(settings), time));
    auto executor = self->stream_.get_executor();
    asio::co_spawn(executor, read(self), asio::detached);
    asio::co_spawn(executor, write(self), asio::detached);
    return self;
}

asio::awaitable<void> Channel::write(std::shared_ptr<Channel> self) {
    co_await self->outbox_.run();
}

asio::awaitable<void> Channel::read(std::shared_ptr<Channel> self) {
    std::vector<char> buffer(read_size);
    for (;;) {
        boost::system::error_code failure;
        auto got = co_await self->stream_.async_read_some(
            asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failure));
        if (failure) break;
        self->moved_ += got;
        self->exchange_->take_bytes({buffer.data(), got});
    }
    if (self->exchange_->closed()) co_return;
    auto obituary = co_await self->obituary_();
    self->shut(obituary);
}

void Channel::send_raw(std::string_view bytes) {
    moved_ += bytes.size();
    outbox_.add(bytes);
}

void Channel::expect(std::uint64_t nonce, Port port) {
    // What the agent before was to be told is not the next one's business.
    outbox_.forget();
    exchange_->expect(nonce, port);
}

void Channel::adopt() {
    exchange_->adopt();
}

void Channel::resynchronise() {
    exchange_->resynchronise();
}

asio::awaitable<Peer> Channel::greeted(io::Deadline deadline) {
    auto self = shared_from_this();
    co_return co_await deadline.limit(exchange_->greeted(), "the agent did not greet");
}

std::shared_ptr<Call> Channel::start(Request request) {
    return exchange_->start(std::move(request));
}

asio::awaitable<void> Channel::ping(io::Deadline deadline) {
    auto self = shared_from_this();
    auto number = exchange_->ask();
    co_await deadline.limit(exchange_->answered(number), "the agent did not answer");
}

void Channel::lose(const std::string& why) {
    exchange_->lose(why);
}

void Channel::close() {
    shut("the driver closed the connection");
}

void Channel::shut(const std::string& why) {
    exchange_->close(why);
    outbox_.stop();
    boost::system::error_code ignored;
    stream_.close(ignored);
}

}  // namespace charioteer::channel
