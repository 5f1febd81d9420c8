#include "channel/call.hpp"

#include <algorithm>
#include <utility>

#include "channel/codec.hpp"

namespace charioteer::channel {

namespace {

/// Credit is returned when one part of this many of the window was read, not for every byte.
constexpr std::size_t credit_parts = 8;
/// Bytes of input in one frame at most, so that other streams are not delayed.
constexpr std::size_t input_piece = 32 * 1024;

}  // namespace

Call::Call(std::weak_ptr<FrameSink> sink, std::uint32_t stream, Origin origin,
           const asio::any_io_executor& executor)
    : sink_(std::move(sink)),
      stream_(stream),
      origin_(std::move(origin)),
      credit_piece_(origin_.output_window / credit_parts),
      changed_(executor) {}

Call::~Call() {
    auto sink = sink_.lock();
    if (!sink || !live()) return;
    if (!detached_) sink->cancel(stream_);
    // A command that runs on must not wait for credit.
    return_credit();
}

/// Gives credit for all received output, also for what was not read.
void Call::return_credit() {
    auto owed = std::exchange(owed_, 0);
    for (const auto& piece : pieces_) owed += piece.bytes.size();
    if (auto sink = sink_.lock()) sink->give_credit(stream_, owed);
}

void Call::throw_failure() const {
    switch (state_) {
        case State::refused:
            throw Refused(why_);
        case State::failed:
            throw io::ConnectionLost(why_);
        case State::not_sent:
            throw NotSent(why_);
        case State::waiting:
        case State::running:
        case State::ended:
            break;
    }
}

asio::awaitable<std::uint32_t> Call::started() {
    auto self = shared_from_this();
    while (state_ == State::waiting) co_await changed_.wait();
    throw_failure();
    co_return process_;
}

asio::awaitable<void> Call::until_next() {
    auto self = shared_from_this();
    while (pieces_.empty() && !ended()) {
        throw_failure();
        co_await changed_.wait();
    }
}

asio::awaitable<std::optional<Piece>> Call::next() {
    auto self = shared_from_this();
    co_await until_next();
    if (pieces_.empty()) co_return std::nullopt;
    auto piece = std::move(pieces_.front());
    pieces_.pop_front();
    if (live()) owed_ += piece.bytes.size();
    if (owed_ >= credit_piece_) {
        auto owed = std::exchange(owed_, 0);
        if (auto sink = sink_.lock()) sink->give_credit(stream_, owed);
    }
    co_return piece;
}

asio::awaitable<void> Call::write(std::string bytes) {
    auto self = shared_from_this();
    std::size_t written = 0;
    while (written < bytes.size()) {
        while (input_room_ == 0 && live()) co_await changed_.wait();
        throw_failure();
        auto sink = sink_.lock();
        if (ended() || !sink) co_return;
        auto size = std::min({bytes.size() - written, input_piece, std::size_t{input_room_}});
        sink->send(frames::Type::input, stream_, std::string_view(bytes).substr(written, size));
        input_room_ -= static_cast<std::uint32_t>(size);
        written += size;
    }
}

void Call::end_input() {
    auto sink = sink_.lock();
    if (sink && live()) sink->send(frames::Type::input_end, stream_, {});
}

void Call::signal(int number) {
    auto sink = sink_.lock();
    if (!sink || !live()) return;
    sink->send(frames::Type::signal, stream_,
               encoded(frames::Signal{.number = static_cast<std::uint32_t>(number)}));
}

void Call::resize(command::TerminalSize size) {
    auto sink = sink_.lock();
    if (!sink || !live()) return;
    sink->send(frames::Type::resize, stream_,
               encoded(frames::Resize{.rows = size.rows, .columns = size.columns}));
}

void Call::cancel() {
    if (!live()) return;
    if (auto sink = sink_.lock()) sink->cancel(stream_);
    return_credit();
    fail("the command was cancelled");
}

void Call::handle_started(std::uint32_t process) {
    process_ = process;
    if (state_ == State::waiting) state_ = State::running;
    changed_.notify_all();
}

void Call::handle_piece(Source source, std::string_view bytes) {
    // Appended to a piece that was not read yet, so that a command that writes single bytes does
    // not cost a piece for each.
    if (!pieces_.empty() && pieces_.back().source == source)
        pieces_.back().bytes += bytes;
    else
        pieces_.push_back({source, std::string(bytes)});
    changed_.notify_all();
}

bool Call::handle_credit(std::uint32_t bytes) {
    if (bytes > frames::most_input_window - input_room_) return false;
    input_room_ += bytes;
    changed_.notify_all();
    return true;
}

void Call::handle_exit(command::Outcome outcome) {
    outcome_ = std::move(outcome);
    finish(State::ended, "");
    // Processes in the background may still write errors, and must not wait for credit.
    return_credit();
}

void Call::refuse(std::string why) {
    finish(State::refused, std::move(why));
}

void Call::fail(std::string why, bool unsent) {
    finish(unsent ? State::not_sent : State::failed, std::move(why));
}

/// No-op if it has finished before.
void Call::finish(State state, std::string why) {
    if (!live()) return;
    state_ = state;
    why_ = std::move(why);
    changed_.notify_all();
}

}  // namespace charioteer::channel
