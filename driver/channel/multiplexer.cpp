#include "channel/multiplexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "channel/codec.hpp"

namespace charioteer::channel {

namespace {

/// Bytes of a command's text in one frame at most.
constexpr std::size_t text_piece = 48 * 1024;
constexpr std::size_t longest_line = 64 * 1024;
/// Credit for output without a reader is given in pieces of this size, in bytes, so that the credit
/// frames are fewer than those of the output.
constexpr std::size_t late_credit_piece = 16 * 1024;
/// The number of commands that an agent runs at most.
constexpr std::size_t most_orphans = 1000;
/// Bytes that are not frames, at most: searching them is expensive.
constexpr std::size_t most_noise = 256 * 1024;
constexpr auto restored_reason =
    "the guest was restored to an earlier state, as by loading a snapshot, while the command "
    "was under way";
/// Losses in a row, without a frame that is received in between, at most.
constexpr int most_losses = 8;

}  // namespace

Multiplexer::Multiplexer(const asio::any_io_executor& executor, Output output, Settings settings,
                         io::TimeSource& time)
    : executor_(executor),
      output_(std::move(output)),
      settings_(std::move(settings)),
      time_(time),
      changed_(executor),
      agreement_(time),
      last_stream_(settings_.first_stream - 1),
      late_errors_(settings_.late_errors) {}

std::shared_ptr<Multiplexer> Multiplexer::make(const asio::any_io_executor& executor, Output output,
                                               Settings settings, io::TimeSource& time) {
    return std::shared_ptr<Multiplexer>(
        new Multiplexer(executor, std::move(output), std::move(settings), time));
}

Multiplexer::~Multiplexer() {
    for (auto& [stream, entry] : streams_)
        if (auto call = entry.call.lock()) call->fail("the driver closed the connection");
}

void Multiplexer::expect(std::uint64_t nonce, Port port) {
    if (closed()) return;
    fail("the agent was replaced by another one");
    nonce_ = nonce;
    state_ = State::expecting;
    why_not_ = "the agent has not sent its hello yet";
    // An earlier agent that still has the port open ends when it receives another nonce.
    if (had_agent_ || port == Port::open) output_.send(agreement_.hello(nonce_, false, progress_));
}

void Multiplexer::adopt() {
    if (closed() || usable()) return;
    fail("the agent that was started earlier has not answered yet");
    nonce_ = 0;
    state_ = State::expecting;
    output_.send(agreement_.hello(nonce_, true, progress_));
}

asio::awaitable<Peer> Multiplexer::greeted() {
    auto self = shared_from_this();
    while (!usable()) {
        if (state_ != State::expecting) throw io::ConnectionLost(why_not_);
        co_await changed_.wait();
    }
    co_return peer_;
}

std::shared_ptr<Call> Multiplexer::start(command::Command command, std::uint32_t output_window) {
    if (!usable()) throw NotSent(why_not_);
    // 0 is for frames that belong to no command.
    do last_stream_ = (last_stream_ + 1) % frames::orphan;
    while (last_stream_ == 0 || streams_.contains(last_stream_));
    auto stream = last_stream_;
    auto exec = exec_of(command, output_window, settings_.holder_limit);
    auto text = command.prefix + command.text;
    Call::Origin origin{std::move(command), time_.now(), output_window};
    auto call = std::make_shared<Call>(weak_from_this(), stream, std::move(origin), executor_);
    streams_[stream] = {call, output_window, 0, io::LineSplitter(longest_line), false};
    for (; text.size() > text_piece; text.erase(0, text_piece))
        send(frames::Type::text, stream, std::string_view(text).substr(0, text_piece));
    send(frames::Type::exec, stream, encoded(exec).append(text));
    return call;
}

std::uint64_t Multiplexer::send_ping() {
    if (!usable()) throw io::ConnectionLost(why_not_);
    auto number = ++last_ping_;
    send(frames::Type::ping, 0, {reinterpret_cast<const char*>(&number), sizeof number});
    return number;
}

asio::awaitable<void> Multiplexer::pong_received(std::uint64_t number) {
    auto self = shared_from_this();
    while (last_pong_ < number) {
        if (!usable()) throw io::ConnectionLost(why_not_);
        co_await changed_.wait();
    }
}

void Multiplexer::fail(const std::string& why) {
    if (closed()) return;
    state_ = State::no_agent;
    why_not_ = why;
    received_.clear();
    for (auto& [stream, entry] : streams_)
        if (auto call = entry.call.lock()) call->fail(why, !entry.sent);
    streams_.clear();
    kept_.restart([](std::uint32_t) { return false; });
    changed_.notify_all();
}

void Multiplexer::close(const std::string& why) {
    fail(why);
    state_ = State::closed;
}

void Multiplexer::receive_bytes(std::string_view bytes) {
    auto listens = [this] { return state_ == State::expecting || usable(); };
    // Without an agent all bytes are ignored.
    if (!listens()) return;
    received_ += bytes;
    std::size_t taken = 0;
    while (listens()) {
        auto expect = synchronised() ? frames::Expect::any : frames::Expect::hello;
        auto found = frames::scan(as_bytes(std::string_view(received_).substr(taken)), expect);
        if (found.kind == frames::Scan::Kind::incomplete) break;
        taken += found.size;
        if (found.kind == frames::Scan::Kind::frame)
            take(found);
        else if (synchronised() && (noise_ += found.size) > most_noise)
            fail("the agent's port carries more noise than frames: another program writes to it");
    }
    // Empty if the agent was lost.
    received_.erase(0, std::min(taken, received_.size()));
}

void Multiplexer::take(const frames::Scan& found) {
    const auto& header = found.header;
    last_received_ = time_.now();
    if (header.type == frames::Type::hello) {
        // Otherwise it repeats the answer to the last hello.
        if (!synchronised()) handle_hello(found.payload);
        return;
    }
    if (header.sequence != progress_.next) return handle_loss();
    progress_.pass(found.head);
    not_acked_ += found.size;
    if (header.stream == 0)
        handle_of_line(header, found.payload);
    else
        handle_for_stream(header, found.payload);
    if (!synchronised() || not_acked_ < frames::ack_piece) return;
    not_acked_ = 0;
    send(frames::Type::ack, 0, encoded(frames::Ack{.next = progress_.next}));
}

void Multiplexer::handle_of_line(const frames::Header& header, frames::Bytes payload) {
    frames::Ack ack;
    if (header.type == frames::Type::refused) return handle_loss();
    losses_ = 0;
    if (header.type == frames::Type::ack && frames::decode(payload, ack))
        kept_.acknowledge(ack.next);
    if (header.type != frames::Type::pong) return;
    std::uint64_t number = 0;
    if (payload.size() == sizeof number) std::memcpy(&number, payload.data(), sizeof number);
    if (number <= last_ping_) last_pong_ = std::max(last_pong_, number);
    changed_.notify_all();
}

/// Null for a command that has ended while the frame was under way.
Multiplexer::Entry* Multiplexer::find_or_adopt(const frames::Header& header) {
    auto found = streams_.find(header.stream);
    if (found != streams_.end()) return &found->second;
    bool orphan = (header.stream & frames::orphan) != 0 && carries_output(header);
    if (!orphan || orphans_ == most_orphans) return nullptr;
    ++orphans_;
    auto& entry = streams_[header.stream];
    entry = {{}, largest_output_window, 0, io::LineSplitter(longest_line), true};
    return &entry;
}

void Multiplexer::handle_for_stream(const frames::Header& header, frames::Bytes payload) {
    losses_ = 0;
    auto* found = find_or_adopt(header);
    if (found == nullptr) return;
    auto& entry = *found;
    bool is_output = carries_output(header);
    if (is_output && payload.size() > entry.output_room)
        return fail(
            fmt::format("the agent is broken: it sent {} bytes more of a command's output "
                        "than it had credit for",
                        payload.size() - entry.output_room));
    if (is_output) entry.output_room -= payload.size();
    auto call = entry.call.lock();
    if (call && call->live() && !handle_for_call(*call, header, payload))
        return fail(
            fmt::format("the agent is broken: it sent an invalid frame of type {} with {} bytes",
                        static_cast<int>(header.type), payload.size()));
    if (is_output && (!call || !call->live()))
        handle_late(header.stream, entry, header.type, as_text(payload));
    if (header.type == frames::Type::closed || header.type == frames::Type::refused)
        end_stream(header.stream, entry);
}

/// False when the frame is invalid.
bool Multiplexer::handle_for_call(Call& call, const frames::Header& header, frames::Bytes payload) {
    frames::Started started;
    frames::Credit credit;
    frames::Exit exit;
    switch (header.type) {
        case frames::Type::output:
            call.handle_piece(Source::output, as_text(payload));
            return true;
        case frames::Type::errors:
            call.handle_piece(Source::errors, as_text(payload));
            return true;
        case frames::Type::started:
            if (!frames::decode(payload, started) || started.process == 0) return false;
            call.handle_started(started.process);
            return true;
        case frames::Type::credit:
            return frames::decode(payload, credit) && call.handle_credit(credit.bytes);
        case frames::Type::exit:
            if (!frames::decode(payload, exit)) return false;
            if (exit.held != 0) report_held(call, payload, held_state_of(exit));
            call.handle_exit(outcome_of(exit));
            return true;
        case frames::Type::held:
            report_held(call, payload, HeldOutput::State::waiting);
            return true;
        case frames::Type::refused:
            call.refuse(std::string(as_text(payload)));
            return true;
        default:
            return false;
    }
}

void Multiplexer::report_held(const Call& call, frames::Bytes holders, HeldOutput::State state) {
    settings_.held_output({call.origin().command.text, std::string(as_text(holders)), state});
}

/// Output without a reader: credit for it is given at once.
void Multiplexer::handle_late(std::uint32_t stream, Entry& entry, frames::Type type,
                              std::string_view bytes) {
    entry.late += bytes.size();
    if (entry.late >= late_credit_piece) give_credit(stream, std::exchange(entry.late, 0));
    if (type == frames::Type::errors) late_errors_.add(entry.late_lines, bytes);
}

void Multiplexer::end_stream(std::uint32_t stream, Entry& entry) {
    late_errors_.finish(entry.late_lines);
    streams_.erase(stream);
}

void Multiplexer::send(frames::Type type, std::uint32_t stream, std::string_view payload) {
    if (!usable()) return;
    const auto& frame = kept_.add(type, stream, payload);
    if (!synchronised()) return;
    if (auto entry = streams_.find(stream); entry != streams_.end()) entry->second.sent = true;
    output_.send(frame);
}

void Multiplexer::give_credit(std::uint32_t stream, std::size_t bytes) {
    auto found = streams_.find(stream);
    if (found == streams_.end() || bytes == 0) return;
    found->second.output_room += bytes;
    send(frames::Type::credit, stream,
         encoded(frames::Credit{.bytes = static_cast<std::uint32_t>(bytes)}));
}

void Multiplexer::cancel(std::uint32_t stream) {
    auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    if (found->second.sent)
        return send(frames::Type::signal, stream, encoded(frames::Signal{.number = 0}));
    kept_.forget(stream);
    streams_.erase(found);
}

void Multiplexer::resynchronise() {
    if (!usable()) return;
    agreement_.reset_pauses();
    agree(state_ == State::agreeing && agreement_.resets());
}

void Multiplexer::resynchronise_again() {
    if (synchronised()) return resynchronise();
    if (usable() && agreement_.repeat_due()) agree(agreement_.resets());
}

void Multiplexer::agree(bool reset) {
    bool repeats = state_ == State::agreeing && reset == agreement_.resets();
    bool flushed = output_.flushed();
    state_ = State::agreeing;
    if (!repeats) return output_.send(agreement_.request(reset, progress_, flushed));
    // A request that is not written yet cannot be lost: it is not repeated.
    if (flushed) output_.send(agreement_.repeat(progress_, flushed));
}

void Multiplexer::handle_loss() {
    if (++losses_ > most_losses) return fail("frames are lost repeatedly on the agent's port");
    agree(false);
}

void Multiplexer::handle_hello(frames::Bytes payload) {
    frames::Hello hello;
    if (!frames::decode(payload, hello)) return;
    bool expecting = state_ == State::expecting;
    // The first hello of an agent is not an answer.
    bool answers = agreement_.is_answer(hello);
    if (!expecting && !answers) return agreement_.handle_other(hello);
    if (expecting && nonce_ != 0 && hello.nonce != nonce_) return;
    if (expecting && nonce_ == 0 && !answers && hello.epoch != 0) return;
    if (hello.version != frames::version)
        return fail(fmt::format("it uses version {} of the protocol, not {}", hello.version,
                                frames::version));
    peer_ = {hello.version, hello.program_size, hello.program_checksum};
    if (expecting)
        greet_expected(hello);
    else
        handle_agreement(hello);
}

void Multiplexer::greet_expected(const frames::Hello& hello) {
    // An answer to adopt() has reset the agent; output of its earlier commands may follow at once.
    bool was_reset = nonce_ == 0 && agreement_.is_answer(hello);
    nonce_ = hello.nonce;
    had_agent_ = true;
    noise_ = 0;
    losses_ = 0;
    reset_positions();
    if (!was_reset) output_.send(agreement_.hello(nonce_, true, progress_));
    continue_from(0);
}

/// The answer has the agent's position, and whether the agent can continue from the driver's.
void Multiplexer::handle_agreement(const frames::Hello& hello) {
    bool same = hello.nonce == nonce_;
    nonce_ = hello.nonce;
    bool continues = (hello.flags & frames::Hello::continues) != 0 &&
                     kept_.can_continue({.next = hello.next, .chain = hello.chain});
    if (agreement_.resets()) return continue_from(0);
    if (same && continues) return continue_from(hello.next);
    handle_restored_agent();
}

void Multiplexer::reset_positions() {
    progress_ = {};
    not_acked_ = 0;
    orphans_ = 0;
    kept_.restart([this](std::uint32_t stream) {
        auto entry = streams_.find(stream);
        return entry != streams_.end() && !entry->second.sent;
    });
}

void Multiplexer::continue_from(std::uint32_t next) {
    state_ = State::usable;
    for (auto& [stream, entry] : streams_) entry.sent = true;
    auto bytes = kept_.from(next);
    if (!bytes.empty()) output_.send(bytes);
    changed_.notify_all();
}

/// The guest was restored: commands that were sent fail; those that wait are sent to its agent.
void Multiplexer::handle_restored_agent() {
    auto before = std::move(streams_);
    streams_.clear();
    for (auto& [stream, entry] : before) {
        if (!entry.sent)
            streams_[stream] = std::move(entry);
        else if (auto call = entry.call.lock())
            call->fail(restored_reason);
    }
    reset_positions();
    agree(true);
    restored_();
}

}  // namespace charioteer::channel
