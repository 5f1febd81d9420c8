#include "channel/exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace charioteer::channel {

namespace {

using namespace std::chrono_literals;

/// What one frame carries of a command's text, in bytes.
constexpr std::size_t text_piece = 48 * 1024;
constexpr std::size_t longest_line = 64 * 1024;
/// How long after the end of its shell it is to be known who holds a command's output.
constexpr auto holder_report = 10s;
/// Room for what nobody waits for is given back in pieces of this size, in bytes, so that it takes
/// less of the line than what came.
constexpr std::size_t late_credit_piece = 16 * 1024;
/// As many commands as an agent runs.
constexpr std::size_t most_orphans = 1000;
/// What an agent's line may carry that is no frame, in bytes. Looking for frames in what was made
/// to look like them is dear.
constexpr std::size_t most_noise = 256 * 1024;

std::string_view as_text(frames::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

frames::Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

/// As a frame has it: 0 is none, and what is longer than fits is cut.
std::uint32_t milliseconds(io::Duration limit) {
    if (limit <= io::Duration::zero()) return 0;
    auto count = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    return static_cast<std::uint32_t>(std::min<std::int64_t>(count, UINT32_MAX));
}

frames::Exec exec_of(const Request& request, io::Duration holder_limit) {
    frames::Exec exec;
    exec.credit = request.output_window;
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
    if (request.limit) exec.limit = milliseconds(*request.limit);
    exec.holder_report = milliseconds(holder_report);
    exec.holder_limit = milliseconds(holder_limit);
    return exec;
}

Ending ending_of(const frames::Exit& exit) {
    Ending ending;
    ending.status = static_cast<int>(exit.status);
    ending.signal = static_cast<int>(exit.signal);
    ending.timed_out = exit.timed_out != 0;
    ending.duration = std::chrono::microseconds(exit.microseconds);
    return ending;
}

bool carries_output(const frames::Header& header) {
    return header.type == frames::Type::output || header.type == frames::Type::errors;
}

template <class Message>
std::string encoded(const Message& message) {
    unsigned char room[64];
    return std::string(as_text(frames::encode(message, room)));
}

}  // namespace

Exchange::Exchange(const asio::any_io_executor& executor, Send send, Settings settings,
                   io::TimeSource& time)
    : executor_(executor),
      send_(std::move(send)),
      settings_(std::move(settings)),
      time_(time),
      changed_(executor) {}

std::shared_ptr<Exchange> Exchange::make(const asio::any_io_executor& executor, Send send,
                                         Settings settings, io::TimeSource& time) {
    return std::shared_ptr<Exchange>(
        new Exchange(executor, std::move(send), std::move(settings), time));
}

Exchange::~Exchange() {
    for (auto& [stream, entry] : streams_)
        if (auto call = entry.call.lock()) call->lose("the driver closed the connection");
}

void Exchange::expect(std::uint64_t nonce, Port port) {
    if (closed()) return;
    lose("another agent takes its place");
    nonce_ = nonce;
    state_ = State::expecting;
    why_not_ = "the agent has not yet said that it listens";
    // One that still has the line, though it was given up, ends when it hears of another.
    if (had_agent_ || port == Port::open) send_hello(nonce_, false);
}

void Exchange::adopt() {
    if (closed() || usable()) return;
    lose("an agent that was there before has yet to say that it listens");
    nonce_ = 0;
    state_ = State::expecting;
    send_hello(nonce_, true);
}

asio::awaitable<Peer> Exchange::greeted() {
    auto self = shared_from_this();
    while (!usable()) {
        if (state_ != State::expecting) throw io::ConnectionLost(why_not_);
        co_await changed_.wait();
    }
    co_return peer_;
}

std::shared_ptr<Call> Exchange::start(Request request) {
    if (!usable()) throw NotSent(why_not_);
    // 0 is the line itself.
    do last_stream_ = (last_stream_ + 1) % frames::orphan;
    while (last_stream_ == 0 || streams_.contains(last_stream_));
    auto stream = last_stream_;
    Call::Origin origin{request.text, time_.now(), request.limit, request.output_window};
    auto call = std::make_shared<Call>(weak_from_this(), stream, std::move(origin), executor_);
    streams_[stream] = {call, request.output_window, 0, io::LineSplitter(longest_line), false};
    std::string_view text = request.text;
    while (text.size() > text_piece) {
        send(frames::Type::text, stream, text.substr(0, text_piece));
        text.remove_prefix(text_piece);
    }
    send(frames::Type::exec, stream,
         encoded(exec_of(request, settings_.holder_limit)).append(text));
    return call;
}

std::uint64_t Exchange::ask() {
    if (!usable()) throw io::ConnectionLost(why_not_);
    auto number = ++last_ping_;
    send(frames::Type::ping, 0, {reinterpret_cast<const char*>(&number), sizeof number});
    return number;
}

asio::awaitable<void> Exchange::answered(std::uint64_t number) {
    auto self = shared_from_this();
    while (last_pong_ < number) {
        if (!usable()) throw io::ConnectionLost(why_not_);
        co_await changed_.wait();
    }
}

void Exchange::lose(const std::string& why) {
    if (closed()) return;
    state_ = State::silent;
    why_not_ = why;
    received_.clear();
    for (auto& [stream, entry] : streams_)
        if (auto call = entry.call.lock()) call->lose(why, !entry.sent);
    streams_.clear();
    kept_.restart([](std::uint32_t) { return false; });
    changed_.notify_all();
}

void Exchange::close(const std::string& why) {
    lose(why);
    state_ = State::closed;
}

void Exchange::take_bytes(std::string_view bytes) {
    auto listens = [this] { return state_ == State::expecting || usable(); };
    // With no agent there is nothing to be understood.
    if (!listens()) return;
    received_ += bytes;
    std::size_t taken = 0;
    while (listens()) {
        auto expect = in_step() ? frames::Expect::any : frames::Expect::hello;
        auto found = frames::scan(as_bytes(std::string_view(received_).substr(taken)), expect);
        if (found.kind == frames::Scan::Kind::incomplete) break;
        taken += found.size;
        if (found.kind == frames::Scan::Kind::frame)
            take(found);
        else if (in_step() && (noise_ += found.size) > most_noise)
            lose("the agent's line carries more noise than frames: something else writes to it");
    }
    // An agent that was lost has cleared it.
    received_.erase(0, std::min(taken, received_.size()));
}

void Exchange::take(const frames::Scan& found) {
    const auto& header = found.header;
    heard_ = time_.now();
    if (header.type == frames::Type::hello) {
        // In step nothing was asked that it could answer: it answers the last hello.
        if (!in_step()) take_hello(found.payload);
        return;
    }
    if (header.sequence != progress_.next) return lose_step();
    progress_.pass(found.head);
    not_acked_ += found.size;
    if (header.stream == 0)
        take_of_line(header, found.payload);
    else
        take_for_stream(header, found.payload);
    if (!in_step() || not_acked_ < frames::ack_piece) return;
    not_acked_ = 0;
    send(frames::Type::ack, 0, encoded(frames::Ack{.next = progress_.next}));
}

void Exchange::take_of_line(const frames::Header& header, frames::Bytes payload) {
    frames::Ack ack;
    if (header.type == frames::Type::refused) return lose_step();
    steps_lost_ = 0;
    if (header.type == frames::Type::ack && frames::decode(payload, ack))
        kept_.acknowledge(ack.next);
    if (header.type != frames::Type::pong) return;
    std::uint64_t number = 0;
    if (payload.size() == sizeof number) std::memcpy(&number, payload.data(), sizeof number);
    if (number <= last_ping_) last_pong_ = std::max(last_pong_, number);
    changed_.notify_all();
}

/// Null: its command has ended while the frame was on its way.
Exchange::Entry* Exchange::find_or_adopt(const frames::Header& header) {
    auto found = streams_.find(header.stream);
    if (found != streams_.end()) return &found->second;
    bool orphan = (header.stream & frames::orphan) != 0 && carries_output(header);
    if (!orphan || orphans_ == most_orphans) return nullptr;
    ++orphans_;
    auto& entry = streams_[header.stream];
    entry = {{}, largest_output_window, 0, io::LineSplitter(longest_line), true};
    return &entry;
}

void Exchange::take_for_stream(const frames::Header& header, frames::Bytes payload) {
    steps_lost_ = 0;
    auto* found = find_or_adopt(header);
    if (found == nullptr) return;
    auto& entry = *found;
    bool says = carries_output(header);
    if (says && payload.size() > entry.output_room)
        return lose(
            fmt::format("the agent is broken: it sent {} bytes more of a command's output "
                        "than it had room for",
                        payload.size() - entry.output_room));
    if (says) entry.output_room -= payload.size();
    auto call = entry.call.lock();
    if (call && !call->ended() && !take_for_call(*call, header, payload))
        return lose(
            fmt::format("the agent is broken: it sent a frame of type {} and {} bytes that "
                        "means nothing",
                        static_cast<int>(header.type), payload.size()));
    if (says && (!call || call->ended()))
        take_late(header.stream, entry, header.type, as_text(payload));
    if (header.type == frames::Type::closed || header.type == frames::Type::refused)
        end_stream(header.stream, entry);
}

/// False when the frame is not one that an agent sends.
bool Exchange::take_for_call(Call& call, const frames::Header& header, frames::Bytes payload) {
    frames::Started started;
    frames::Credit credit;
    frames::Exit exit;
    switch (header.type) {
        case frames::Type::output:
            call.take_piece(Source::output, as_text(payload));
            return true;
        case frames::Type::errors:
            call.take_piece(Source::errors, as_text(payload));
            return true;
        case frames::Type::started:
            if (!frames::decode(payload, started) || started.process == 0) return false;
            call.take_started(started.process);
            return true;
        case frames::Type::credit:
            return frames::decode(payload, credit) && call.take_credit(credit.bytes);
        case frames::Type::exit:
            if (!frames::decode(payload, exit)) return false;
            if (exit.held != 0) report_held(call, payload, true);
            call.take_exit(ending_of(exit));
            return true;
        case frames::Type::held:
            report_held(call, payload, false);
            return true;
        case frames::Type::refused:
            call.refuse(std::string(as_text(payload)));
            return true;
        default:
            return false;
    }
}

void Exchange::report_held(const Call& call, frames::Bytes holders, bool given_up) {
    settings_.held_output({call.origin().text, std::string(as_text(holders)), given_up});
}

/// Nobody waits for it: whoever writes it gets the room back by itself.
void Exchange::take_late(std::uint32_t stream, Entry& entry, frames::Type type,
                         std::string_view bytes) {
    entry.late += bytes.size();
    if (entry.late >= late_credit_piece) give_credit(stream, std::exchange(entry.late, 0));
    if (type != frames::Type::errors) return;
    entry.late_lines.feed(bytes);
    while (auto line = entry.late_lines.next()) settings_.late_errors(std::move(*line));
}

void Exchange::end_stream(std::uint32_t stream, Entry& entry) {
    if (!entry.late_lines.rest().empty())
        settings_.late_errors(std::string(entry.late_lines.rest()));
    streams_.erase(stream);
}

void Exchange::send(frames::Type type, std::uint32_t stream, std::string_view payload) {
    if (!usable()) return;
    const auto& frame = kept_.add(type, stream, payload);
    if (!in_step()) return;
    if (auto entry = streams_.find(stream); entry != streams_.end()) entry->second.sent = true;
    send_(frame);
}

void Exchange::give_credit(std::uint32_t stream, std::size_t bytes) {
    auto found = streams_.find(stream);
    if (found == streams_.end() || bytes == 0) return;
    found->second.output_room += bytes;
    send(frames::Type::credit, stream,
         encoded(frames::Credit{.bytes = static_cast<std::uint32_t>(bytes)}));
}

void Exchange::drop(std::uint32_t stream, bool leave) {
    if (leave || !streams_.contains(stream)) return;
    send(frames::Type::signal, stream, encoded(frames::Signal{.number = 0}));
}

}  // namespace charioteer::channel
