#include "channel/channel.hpp"

#include <random>
#include <utility>

namespace charioteer::channel {

namespace {

constexpr std::size_t read_size = 128 * 1024;

}  // namespace

std::uint32_t random_stream() {
    std::random_device device;
    return std::uniform_int_distribution<std::uint32_t>(1, frames::orphan - 1)(device);
}

std::uint64_t random_nonce() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

Channel::Channel(std::shared_ptr<io::Connection> connection, Settings settings,
                 io::TimeSource& time)
    : connection_(std::move(connection)),
      multiplexer_(Multiplexer::make(connection_->executor(),
                                     {.send = [this](std::string_view bytes) { send_raw(bytes); },
                                      .flushed = [this] { return !connection_->has_unsent(); }},
                                     std::move(settings), time)) {}

// A waiting call may keep the multiplexer alive, which then sends nothing any more.
Channel::~Channel() {
    multiplexer_->close("the driver closed the connection");
}

std::shared_ptr<Channel> Channel::open(io::UnixStream stream, io::DisconnectReason reason,
                                       Settings settings, io::TimeSource& time) {
    auto connection = io::Connection::open(std::move(stream), std::move(reason), read_size);
    std::shared_ptr<Channel> self(new Channel(connection, std::move(settings), time));
    connection->receive_all([self](std::string_view bytes) { self->receive_bytes(bytes); },
                            [self](const std::string& why) { self->multiplexer_->close(why); });
    return self;
}

void Channel::receive_bytes(std::string_view bytes) {
    moved_ += bytes.size();
    multiplexer_->receive_bytes(bytes);
}

void Channel::send_raw(std::string_view bytes) {
    moved_ += bytes.size();
    connection_->send(bytes);
}

void Channel::expect(std::uint64_t nonce, Port port) {
    // Unsent frames are for the agent that the next one replaces.
    connection_->forget_unsent();
    multiplexer_->expect(nonce, port);
}

void Channel::adopt() {
    multiplexer_->adopt();
}

void Channel::resynchronise() {
    multiplexer_->resynchronise();
}

void Channel::resynchronise_again() {
    multiplexer_->resynchronise_again();
}

asio::awaitable<Peer> Channel::greeted(io::Deadline deadline) {
    auto self = shared_from_this();
    co_return co_await deadline.limit(multiplexer_->greeted(), "the agent did not send its hello");
}

std::shared_ptr<Call> Channel::start(command::Command command, std::uint32_t output_window) {
    return multiplexer_->start(std::move(command), output_window);
}

asio::awaitable<void> Channel::ping(io::Deadline deadline) {
    auto self = shared_from_this();
    auto number = multiplexer_->send_ping();
    co_await deadline.limit(multiplexer_->pong_received(number), "the agent did not answer");
}

void Channel::fail(const std::string& why) {
    multiplexer_->fail(why);
}

void Channel::close() {
    connection_->close();
    multiplexer_->close("the driver closed the connection");
}

}  // namespace charioteer::channel
