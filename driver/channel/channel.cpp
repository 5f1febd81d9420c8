#include "channel/channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <utility>
#include <vector>

#include "io/with_deadline.hpp"

namespace charioteer::channel {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t read_size = 128 * 1024;
/// What a command may say before anybody takes it, in bytes.
constexpr std::uint32_t output_window = 256 * 1024;
/// What one frame carries of a command's text, in bytes.
constexpr std::size_t text_piece = 48 * 1024;

std::string_view as_text(frames::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

frames::Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

frames::Exec exec_of(const Request& request) {
    frames::Exec exec;
    exec.credit = output_window;
    auto set = [&](bool is, frames::Exec::Flag flag) { exec.flags |= is ? flag : 0u; };
    set(request.built_in, frames::Exec::built_in);
    set(request.strict, frames::Exec::strict);
    set(request.with_input, frames::Exec::with_input);
    set(!request.want_output, frames::Exec::no_output);
    set(request.terminal.has_value(), frames::Exec::on_terminal);
    if (request.terminal) {
        exec.rows = request.terminal->rows;
        exec.columns = request.terminal->columns;
    }
    if (request.limit && *request.limit > io::Duration::zero()) {
        auto limit = std::chrono::ceil<std::chrono::milliseconds>(*request.limit).count();
        exec.limit = static_cast<std::uint32_t>(std::min<std::int64_t>(limit, UINT32_MAX));
    }
    return exec;
}

Ending ending_of(const frames::Exit& exit, std::string_view strays) {
    Ending ending;
    ending.status = static_cast<int>(exit.status);
    ending.signal = static_cast<int>(exit.signal);
    ending.timed_out = exit.timed_out != 0;
    ending.duration = std::chrono::microseconds(exit.microseconds);
    ending.strays = exit.strays;
    ending.stray_names = strays;
    return ending;
}

template <class Message>
std::string encoded(const Message& message) {
    unsigned char room[64];
    return std::string(as_text(frames::encode(message, room)));
}

}  // namespace

Channel::Channel(io::UnixStream stream, io::Obituary obituary, LateErrors late_errors,
                 io::TimeSource& time)
    : stream_(std::move(stream)),
      outbox_(stream_),
      obituary_(std::move(obituary)),
      late_errors_(std::move(late_errors)),
      time_(time),
      changed_(stream_.get_executor()) {}

Channel::~Channel() = default;

std::shared_ptr<Channel> Channel::open(io::UnixStream stream, io::Obituary obituary,
                                       LateErrors late_errors, io::TimeSource& time) {
    std::shared_ptr<Channel> self(
        new Channel(std::move(stream), std::move(obituary), std::move(late_errors), time));
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
        self->take_bytes({buffer.data(), got});
    }
    if (self->state_ == State::closed) co_return;
    auto obituary = co_await self->obituary_();
    self->lose(obituary);
    self->close();
}

void Channel::send_raw(std::string_view bytes) {
    outbox_.add(bytes);
}

void Channel::expect(std::uint64_t nonce) {
    if (state_ == State::closed) return;
    lose("another agent takes its place");
    nonce_ = nonce;
    state_ = State::expecting;
    why_not_ = "the agent has not yet said that it listens";
}

asio::awaitable<Peer> Channel::greeted(io::Deadline deadline) {
    auto self = shared_from_this();
    co_await io::with_deadline(until_greeted(), deadline, time_, "the agent did not greet");
    co_return peer_;
}

asio::awaitable<void> Channel::until_greeted() {
    while (!usable()) {
        if (state_ != State::expecting) throw io::ConnectionLost(why_not_);
        co_await changed_.wait();
    }
}

std::shared_ptr<Call> Channel::start(Request request) {
    if (!usable()) throw io::ConnectionLost(why_not_);
    // 0 is the line itself.
    auto stream = ++last_stream_ == 0 ? ++last_stream_ : last_stream_;
    auto call = std::make_shared<Call>(weak_from_this(), stream, stream_.get_executor());
    streams_[stream].call = call;
    std::string_view text = request.text;
    while (text.size() > text_piece) {
        send(frames::Type::text, stream, text.substr(0, text_piece));
        text.remove_prefix(text_piece);
    }
    send(frames::Type::exec, stream, encoded(exec_of(request)).append(text));
    return call;
}

asio::awaitable<void> Channel::ping(io::Deadline deadline) {
    auto self = shared_from_this();
    if (!usable()) throw io::ConnectionLost(why_not_);
    auto number = ++last_ping_;
    send(frames::Type::ping, 0, {reinterpret_cast<const char*>(&number), sizeof number});
    co_await io::with_deadline(until_answered(number), deadline, time_, "the agent did not answer");
}

asio::awaitable<void> Channel::until_answered(std::uint64_t number) {
    while (last_pong_ < number) {
        if (!usable()) throw io::ConnectionLost(why_not_);
        co_await changed_.wait();
    }
}

void Channel::lose(const std::string& why) {
    if (state_ == State::closed) return;
    state_ = State::silent;
    why_not_ = why;
    received_.clear();
    sent_ = 0;
    lose_calls(why);
    streams_.clear();
    changed_.notify_all();
}

void Channel::lose_calls(const std::string& why) {
    for (auto& [stream, entry] : streams_)
        if (auto call = entry.call.lock()) call->lose(why);
}

void Channel::close() {
    lose("the driver closed the connection");
    state_ = State::closed;
    outbox_.stop();
    boost::system::error_code ignored;
    stream_.close(ignored);
}

void Channel::take_bytes(std::string_view bytes) {
    received_ += bytes;
    std::size_t taken = 0;
    while (state_ == State::expecting || state_ == State::usable) {
        auto expect = usable() ? frames::Expect::any : frames::Expect::hello;
        auto found = frames::scan(as_bytes(std::string_view(received_).substr(taken)), expect);
        if (found.kind == frames::Scan::Kind::incomplete) break;
        taken += found.size;
        if (found.kind == frames::Scan::Kind::frame) take(found.header, found.payload);
    }
    // With no agent there is nothing to be understood; and one that was lost has cleared it.
    received_.erase(0, std::min(taken, received_.size()));
    if (state_ == State::silent) received_.clear();
}

void Channel::take(const frames::Header& header, frames::Bytes payload) {
    if (header.type == frames::Type::hello) {
        take_hello(payload);
        expected_ = header.sequence + 1;
        return;
    }
    heard_ = time_.now();
    if (header.sequence != expected_++) return lose("frames of the agent were lost");
    if (header.type == frames::Type::pong && payload.size() == sizeof last_pong_) {
        std::memcpy(&last_pong_, payload.data(), sizeof last_pong_);
        changed_.notify_all();
    } else if (header.type == frames::Type::refused && header.stream == 0) {
        lose(fmt::format("the agent gave up: {}", as_text(payload)));
    } else {
        take_for_stream(header, payload);
    }
}

void Channel::take_hello(frames::Bytes payload) {
    frames::Hello hello;
    if (!frames::decode(payload, hello) || hello.nonce != nonce_ || usable()) return;
    if (hello.version != frames::version)
        return lose(fmt::format("it speaks version {} of the protocol, not {}", hello.version,
                                frames::version));
    peer_ = {hello.version, hello.program_size, hello.program_checksum};
    state_ = State::usable;
    heard_ = time_.now();
    sent_ = 0;
    send(frames::Type::hello, 0,
         encoded(frames::Hello{.version = frames::version, .nonce = nonce_}));
    changed_.notify_all();
}

void Channel::take_for_stream(const frames::Header& header, frames::Bytes payload) {
    auto found = streams_.find(header.stream);
    if (found == streams_.end()) return;
    auto& entry = found->second;
    auto call = entry.call.lock();
    if (call && !call->ended()) take_for_call(*call, header, payload);
    bool late = !call || call->ended();
    if (late && (header.type == frames::Type::output || header.type == frames::Type::errors))
        take_late(header.stream, entry, header.type, as_text(payload));
    if (header.type != frames::Type::closed && header.type != frames::Type::refused) return;
    entry.late_lines.feed("\n");
    while (auto line = entry.late_lines.next())
        if (!line->empty()) late_errors_(std::move(*line));
    streams_.erase(found);
}

void Channel::take_for_call(Call& call, const frames::Header& header, frames::Bytes payload) {
    frames::Started started;
    frames::Credit credit;
    frames::Exit exit;
    if (header.type == frames::Type::output)
        call.take_piece(Source::output, as_text(payload));
    else if (header.type == frames::Type::errors)
        call.take_piece(Source::errors, as_text(payload));
    else if (header.type == frames::Type::started && frames::decode(payload, started))
        call.take_started(started.process);
    else if (header.type == frames::Type::credit && frames::decode(payload, credit))
        call.take_credit(credit.bytes);
    else if (header.type == frames::Type::exit && frames::decode(payload, exit))
        call.take_exit(ending_of(exit, as_text(payload)));
    else if (header.type == frames::Type::refused)
        call.refuse(std::string(as_text(payload)));
}

/// Nobody waits for it: whoever writes it gets the room back at once.
void Channel::take_late(std::uint32_t stream, Entry& entry, frames::Type type,
                        std::string_view bytes) {
    send(frames::Type::credit, stream,
         encoded(frames::Credit{.bytes = static_cast<std::uint32_t>(bytes.size())}));
    if (type != frames::Type::errors) return;
    entry.late_lines.feed(bytes);
    while (auto line = entry.late_lines.next()) late_errors_(std::move(*line));
}

void Channel::send(frames::Type type, std::uint32_t stream, std::string_view payload) {
    if (!usable()) return;
    frames::Header header{.type = type, .stream = stream, .sequence = sent_++};
    std::string frame(frames::header_size, '\0');
    std::span<unsigned char, frames::header_size> target(
        reinterpret_cast<unsigned char*>(frame.data()), frames::header_size);
    frames::write_header(header, as_bytes(payload), target);
    outbox_.add(frame.append(payload));
}

void Channel::drop(std::uint32_t stream, bool leave) {
    if (leave || !streams_.contains(stream)) return;
    send(frames::Type::signal, stream, encoded(frames::Signal{.number = 0}));
}

}  // namespace charioteer::channel
