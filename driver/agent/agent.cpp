#include "agent/agent.hpp"

#include <sys/signalfd.h>

#include <new>

#include "agent/error_output.hpp"
#include "agent/program.hpp"
#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

constexpr int line_ended = 1;
/// From the last answer to the end by SIGTERM, in microseconds.
constexpr uint64_t last_pause = 100'000;

constexpr uint64_t set_of(int signal) {
    return uint64_t{1} << (signal - 1);
}

/// Null if there is no memory.
Command* allocate(uint32_t stream) {
    auto* memory = sys::map(sizeof(Command));
    return memory == nullptr ? nullptr : new (memory) Command(stream);
}

}  // namespace

int Agent::run(int fd, uint64_t nonce, const Inheritance& inheritance, bool finishes) {
    inheritance_ = inheritance;
    nonce_ = nonce;
    uint64_t taken = set_of(SIGCHLD);
    if (finishes) taken |= set_of(SIGTERM);
    sys::signal_mask(SIG_BLOCK, &taken);
    sys::signal_action(SIGPIPE, SIG_IGN);
    signals_ = static_cast<int>(sys::signal_fd(&taken, O_CLOEXEC | O_NONBLOCK));
    line_.open(fd);
    send_hello(0, 0);
    while (turn()) continue;
    release_all();
    return line_ended;
}

void Agent::send_hello(uint32_t epoch, uint32_t flags) {
    auto program = identify_program();
    line_.greet({.version = frames::version,
                 .nonce = nonce_,
                 .program_size = program.size,
                 .program_checksum = program.checksum,
                 .epoch = epoch,
                 .flags = flags,
                 .next = received_.next,
                 .chain = received_.chain});
}

bool Agent::turn() {
    if (!line_.flush() || !handle_frames() || is_done()) return false;
    polls_.count = 0;
    polls_.wake = 0;
    // Requests are read only while there is buffer space for their replies. Then no received frame
    // was left to the next turn, so that the input buffer also has space.
    bool read = line_.answer_room() >= 2 * Line::reserve;
    short events = static_cast<short>((read ? POLLIN : 0) | (line_.has_outgoing() ? POLLOUT : 0));
    auto line = polls_.add(line_.fd(), events);
    auto signals = polls_.add(signals_, POLLIN);
    for (auto* command = commands_; command != nullptr; command = command->next)
        command->watch(polls_, line_);
    if (terminated_ && !line_.has_outgoing()) polls_.until(leave_at_);
    timespec timeout{};
    if (polls_.wake != 0) {
        auto now = sys::now();
        auto left = polls_.wake > now ? polls_.wake - now : 0;
        timeout.tv_sec = static_cast<time_t>(left / 1000000);
        timeout.tv_nsec = static_cast<long>(left % 1000000 * 1000);
    }
    auto count = static_cast<size_t>(polls_.count);
    auto ready = sys::poll(polls_.entries, count, polls_.wake != 0 ? &timeout : nullptr);
    if (ready < 0) polls_.count = 0;
    drain_signals(signals);
    if (ready > 0 && (polls_.events(line) & (POLLIN | POLLHUP | POLLERR)) != 0 &&
        (!line_.fill() || !handle_frames()))
        return false;
    for (auto* command = commands_; command != nullptr; command = command->next)
        command->work(polls_, line_);
    sweep();
    rotate();
    return true;
}

/// Whether SIGTERM has come and all commands have been answered. One that follows the last answer
/// at once would be lost with the agent, so a moment passes first.
bool Agent::is_done() {
    if (!terminated_) return false;
    auto now = sys::now();
    for (auto* command = commands_; command != nullptr; command = command->next)
        if (command->awaited()) leave_at_ = now + last_pause;
    return now >= leave_at_ && !line_.has_outgoing();
}

void Agent::drain_signals(int entry) {
    if ((polls_.events(entry) & POLLIN) == 0) return;
    signalfd_siginfo signals[8];
    auto got = sys::read(signals_, signals, sizeof signals);
    for (long index = 0; index < got / static_cast<long>(sizeof signals[0]); ++index)
        if (signals[index].ssi_signo == SIGTERM) terminated_ = true;
}

/// Handles received frames while there is buffer space for their replies, which may need more space
/// than many small frames. The others are handled in the next turn.
bool Agent::handle_frames() {
    while (line_.answer_room() >= Line::reserve) {
        auto found = line_.next();
        if (found.kind == frames::Scan::Kind::incomplete) return true;
        if (!take(found)) return false;
    }
    return true;
}

bool Agent::take(const frames::Scan& found) {
    if (found.header.type == frames::Type::hello) return handle_hello(found.payload);
    if (!greeted_ || frames_lost_) return true;
    if (found.header.sequence != received_.next) {
        frames_lost_ = true;
        refuse(0, "frames of the driver were lost");
        return true;
    }
    received_.pass(found.head);
    handle_request(found.header, found.payload);
    not_acked_ += found.size;
    if (not_acked_ < frames::ack_piece) return true;
    not_acked_ = 0;
    line_.put(frames::Type::ack, 0, frames::Ack{.next = received_.next});
    return true;
}

void Agent::handle_request(const frames::Header& header, frames::Bytes payload) {
    frames::Ack ack;
    if (header.type == frames::Type::ping)
        line_.put(frames::Type::pong, 0, payload.first(payload.size() < 64 ? payload.size() : 64));
    else if (header.type == frames::Type::ack && frames::decode(payload, ack))
        line_.acknowledge(ack.next);
    else if (header.type == frames::Type::text)
        handle_text(header.stream, payload);
    else if (header.type == frames::Type::exec)
        start(header.stream, payload);
    else
        handle_for_command(header, payload);
}

/// False if the driver has selected another agent.
bool Agent::handle_hello(frames::Bytes payload) {
    frames::Hello hello;
    if (!frames::decode(payload, hello)) return true;
    if (hello.nonce != nonce_ && hello.nonce != 0) return !greeted_;
    greeted_ = true;
    frames_lost_ = false;
    line_.accept_all();
    if ((hello.flags & frames::Hello::reset) != 0) reset();
    bool continues = line_.rewind({.next = hello.next, .chain = hello.chain});
    send_hello(hello.epoch, continues ? frames::Hello::continues : 0u);
    return true;
}

/// The driver does not know the frames of this connection, because the guest was restored to an
/// earlier state.
void Agent::reset() {
    received_ = {};
    not_acked_ = 0;
    text_stream_ = 0;
    text_size_ = 0;
    line_.restart();
    for (auto* command = commands_; command != nullptr; command = command->next)
        command->detach_driver();
}

void Agent::handle_for_command(const frames::Header& header, frames::Bytes payload) {
    auto* command = find(header.stream);
    if (command == nullptr) return;  // it ended before the frame arrived
    frames::Credit credit;
    frames::Signal signal;
    frames::Resize size;
    if (header.type == frames::Type::input) {
        if (command->handle_input(payload)) return;
        refuse(header.stream, "more input was sent than credit was given for");
        command->signal(SIGKILL);
    } else if (header.type == frames::Type::input_end) {
        command->end_input();
    } else if (header.type == frames::Type::credit && frames::decode(payload, credit)) {
        command->add_credit(credit.bytes);
    } else if (header.type == frames::Type::signal && frames::decode(payload, signal)) {
        command->signal(signal.number);
    } else if (header.type == frames::Type::resize && frames::decode(payload, size)) {
        command->resize(size);
    }
}

void Agent::handle_text(uint32_t stream, frames::Bytes payload) {
    if (text_stream_ != stream) text_size_ = 0;
    text_stream_ = stream;
    auto room = most_text - text_size_;
    auto size = payload.size() < room ? payload.size() : room;
    memcpy(text_ + text_size_, payload.data(), size);
    text_size_ += size;
}

void Agent::start(uint32_t stream, frames::Bytes payload) {
    frames::Exec exec;
    bool whole = frames::decode(payload, exec);
    handle_text(stream, payload);
    text_[text_size_] = '\0';
    CommandText text{.data = text_, .size = text_size_};
    bool too_long = text.size == most_text;
    // A shell would run the text before the NUL.
    bool cut = (exec.flags & frames::Exec::built_in) == 0 && strlen(text_) != text_size_;
    text_stream_ = 0;
    text_size_ = 0;
    if (!whole || cut || stream == 0 || find(stream) != nullptr)
        return refuse(stream, "not a valid command");
    if (too_long) return refuse(stream, "the command is too long");
    if (!has_room()) return refuse(stream, "too many commands run at once");
    auto* command = allocate(stream);
    if (command == nullptr) return refuse(stream, "the guest is out of memory");
    auto error = command->begin(exec, text, inheritance_);
    if (error != 0) {
        sys::unmap(command, sizeof *command);
        Text<128> why;
        why << "cannot create a process, pipe or terminal: " << error_name(error).c_str();
        return refuse(stream, why.c_str());
    }
    append(command);
    line_.put(frames::Type::started, stream, frames::Started{.process = command->process()});
}

void Agent::refuse(uint32_t stream, const char* why) {
    line_.put(frames::Type::refused, stream,
              {reinterpret_cast<const unsigned char*>(why), strlen(why)});
}

void Agent::append(Command* command) {
    auto** link = &commands_;
    while (*link != nullptr) link = &(*link)->next;
    command->next = nullptr;
    *link = command;
}

/// Makes the first command the last one of the next turn, because the first ones may use all buffer
/// space of the connection.
void Agent::rotate() {
    if (commands_ == nullptr || commands_->next == nullptr) return;
    auto* first = commands_;
    commands_ = first->next;
    append(first);
}

bool Agent::has_room() const {
    int running = 0;
    int answered = 0;
    for (auto* command = commands_; command != nullptr; command = command->next)
        ++(command->answered() ? answered : running);
    return running < most_running && answered < most_answered;
}

Command* Agent::find(uint32_t stream) {
    for (auto* command = commands_; command != nullptr; command = command->next)
        if (command->stream() == stream) return command;
    return nullptr;
}

void Agent::sweep() {
    for (auto** link = &commands_; *link != nullptr;) {
        auto* command = *link;
        if (!command->over() || line_.room() < Line::reserve) {
            link = &command->next;
            continue;
        }
        *link = command->next;
        line_.put(frames::Type::closed, command->stream(), frames::Bytes{});
        release(command);
    }
}

void Agent::release(Command* command) {
    command->close();
    sys::unmap(command, sizeof *command);
}

void Agent::release_all() {
    while (commands_ != nullptr) {
        auto* command = commands_;
        commands_ = command->next;
        release(command);
    }
    sys::close(signals_);
}

}  // namespace charioteer::agent
