#include "channel/call.hpp"

#include <algorithm>
#include <utility>

namespace charioteer::channel {

namespace {

/// Room is given back in parts of the window, not for every byte.
constexpr std::size_t credit_parts = 8;
/// What one frame of input carries, in bytes, so that other streams have their turn.
constexpr std::size_t input_piece = 32 * 1024;

template <class Message>
std::string encoded(const Message& message) {
    unsigned char room[64];
    auto bytes = frames::encode(message, room);
    return std::string(bytes.begin(), bytes.end());
}

}  // namespace

std::string words(std::initializer_list<std::string_view> words) {
    std::string text;
    for (auto word : words) text.append(word).push_back('\0');
    return text;
}

Call::Call(std::weak_ptr<Line> line, std::uint32_t stream, Origin origin,
           const asio::any_io_executor& executor)
    : line_(std::move(line)),
      stream_(stream),
      origin_(std::move(origin)),
      credit_piece_(origin_.output_window / credit_parts),
      changed_(executor) {}

Call::~Call() {
    auto line = line_.lock();
    if (!line) return;
    line->drop(stream_, ended_ || let_go_);
    // It may go on, and must not wait for a reader that is gone.
    if (!ended_) give_back();
}

/// All room, that of what nobody has taken yet too.
void Call::give_back() {
    auto owed = std::exchange(owed_, 0);
    for (const auto& piece : pieces_) owed += piece.bytes.size();
    if (auto line = line_.lock()) line->give_credit(stream_, owed);
}

void Call::expect_line() const {
    if (lost_ && unsent_) throw NotSent(*lost_);
    if (lost_) throw io::ConnectionLost(*lost_);
    if (refused_) throw Refused(*refused_);
}

asio::awaitable<std::uint32_t> Call::started() {
    auto self = shared_from_this();
    for (;;) {
        expect_line();
        if (process_ != 0 || ended_) co_return process_;
        co_await changed_.wait();
    }
}

asio::awaitable<void> Call::until_next() {
    auto self = shared_from_this();
    while (pieces_.empty() && !ended_) {
        expect_line();
        co_await changed_.wait();
    }
}

asio::awaitable<std::optional<Piece>> Call::next() {
    auto self = shared_from_this();
    co_await until_next();
    if (pieces_.empty()) co_return std::nullopt;
    auto piece = std::move(pieces_.front());
    pieces_.pop_front();
    if (!ended_) owed_ += piece.bytes.size();
    if (owed_ >= credit_piece_) {
        auto owed = std::exchange(owed_, 0);
        if (auto line = line_.lock()) line->give_credit(stream_, owed);
    }
    co_return piece;
}

asio::awaitable<void> Call::write(std::string bytes) {
    auto self = shared_from_this();
    std::size_t written = 0;
    while (written < bytes.size()) {
        while (input_room_ == 0 && !ended_) {
            expect_line();
            co_await changed_.wait();
        }
        expect_line();
        auto line = line_.lock();
        if (ended_ || !line) co_return;
        auto size = std::min({bytes.size() - written, input_piece, std::size_t{input_room_}});
        line->send(frames::Type::input, stream_, std::string_view(bytes).substr(written, size));
        input_room_ -= static_cast<std::uint32_t>(size);
        written += size;
    }
}

void Call::end_input() {
    auto line = line_.lock();
    if (line && !ended_ && !lost_) line->send(frames::Type::input_end, stream_, {});
}

void Call::signal(int number) {
    auto line = line_.lock();
    if (!line || ended_ || lost_) return;
    line->send(frames::Type::signal, stream_,
               encoded(frames::Signal{.number = static_cast<std::uint32_t>(number)}));
}

void Call::resize(TerminalSize size) {
    auto line = line_.lock();
    if (!line || ended_ || lost_) return;
    line->send(frames::Type::resize, stream_,
               encoded(frames::Resize{.rows = size.rows, .columns = size.columns}));
}

void Call::abandon() {
    if (ended_ || lost_) return;
    signal(0);
    // Once is enough.
    let_go_ = true;
    lose("the command was called off");
}

void Call::take_started(std::uint32_t process) {
    process_ = process;
    changed_.notify_all();
}

void Call::take_piece(Source source, std::string_view bytes) {
    // One that is not taken yet grows: a command that writes byte by byte does not cost a piece for
    // each.
    if (!pieces_.empty() && pieces_.back().source == source)
        pieces_.back().bytes += bytes;
    else
        pieces_.push_back({source, std::string(bytes)});
    changed_.notify_all();
}

bool Call::take_credit(std::uint32_t bytes) {
    if (bytes > frames::most_input_window - input_room_) return false;
    input_room_ += bytes;
    changed_.notify_all();
    return true;
}

void Call::take_exit(const Ending& ending) {
    ending_ = ending;
    ended_ = true;
    // What it has left behind may write errors for ever, and must not wait for the call's reader.
    give_back();
    changed_.notify_all();
}

void Call::refuse(std::string why) {
    refused_ = std::move(why);
    changed_.notify_all();
}

void Call::lose(std::string why, bool unsent) {
    if (!ended_ && !lost_) unsent_ = unsent;
    if (!ended_) lost_ = std::move(why);
    changed_.notify_all();
}

}  // namespace charioteer::channel
