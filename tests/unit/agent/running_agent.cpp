#include "unit/agent/running_agent.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "fakes/paths.hpp"

namespace charioteer::agent {
namespace {

using frames::Type;

/// Reached only by a failing test.
constexpr auto limit = std::chrono::seconds(100);

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

frames::Bytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

std::string text_of(frames::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void execute(int line, const AgentOptions& options) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::fcntl(line, F_SETFD, 0);
    for (const auto& setting : options.environment) ::putenv(const_cast<char*>(setting.c_str()));
    options.prepare();
    auto number = std::to_string(line);
    char nonce[32];
    std::snprintf(nonce, sizeof nonce, "%llx", static_cast<unsigned long long>(options.nonce));
    auto program = agent_program();
    auto emulator = variable("CHARIOTEER_AGENT_EMULATOR");
    if (emulator.empty())
        ::execl(program.c_str(), program.c_str(), number.c_str(), nonce, nullptr);
    else
        ::execlp(emulator.c_str(), emulator.c_str(), program.c_str(), number.c_str(), nonce,
                 nullptr);
    ::_exit(127);
}

}  // namespace

std::string agent_program() {
    auto given = variable("CHARIOTEER_AGENT_PROGRAM");
    return given.empty() ? fakes::agent_program : given;
}

bool is_emulated() {
    return !variable("CHARIOTEER_AGENT_EMULATOR").empty();
}

RunningAgent::RunningAgent(AgentOptions options) : nonce_(options.nonce) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    line_ = io::UniqueFd(ends[0]);
    io::UniqueFd theirs(ends[1]);
    ::fcntl(line_.get(), F_SETFL, O_NONBLOCK);
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) execute(theirs.get(), options);
}

RunningAgent::~RunningAgent() {
    for (const auto& [stream, received] : streams_)
        if (received.process && !received.closed)
            ::kill(-static_cast<pid_t>(*received.process), SIGKILL);
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::string RunningAgent::make_frame(Type type, std::uint32_t stream, std::string_view payload) {
    std::string frame(frames::header_size, '\0');
    frames::write_header({.type = type, .stream = stream, .sequence = sequence_++},
                         bytes_of(payload),
                         std::span<unsigned char, frames::header_size>(
                             reinterpret_cast<unsigned char*>(frame.data()), frames::header_size));
    return frame.append(payload);
}

std::string RunningAgent::make_hello() {
    return make_hello({.version = frames::version, .nonce = nonce_, .flags = frames::Hello::reset});
}

std::string RunningAgent::make_hello(frames::Hello hello) {
    unsigned char buffer[64];
    hello.epoch = ++epoch_;
    requested_ = {.next = hello.next, .chain = hello.chain};
    if ((hello.flags & frames::Hello::reset) != 0) sequence_ = 0;
    // Hello frames have no sequence number.
    auto next = sequence_;
    auto frame = make_frame(Type::hello, 0, text_of(frames::encode(hello, buffer)));
    sequence_ = next;
    return frame;
}

void RunningAgent::send_bytes(std::string_view bytes) {
    outgoing_ += bytes;
    pump(0);
}

void RunningAgent::send(Type type, std::uint32_t stream, frames::Bytes payload) {
    send_bytes(make_frame(type, stream, text_of(payload)));
}

void RunningAgent::send_text(Type type, std::uint32_t stream, std::string_view text) {
    send(type, stream, bytes_of(text));
}

void RunningAgent::greet(std::uint64_t nonce) {
    wait_until([&] { return hello_.has_value(); });
    send_bytes(
        make_hello({.version = frames::version, .nonce = nonce, .flags = frames::Hello::reset}));
}

void RunningAgent::greet() {
    greet(nonce_);
}

void RunningAgent::exec(std::uint32_t stream, std::string_view text, ExecOptions options) {
    while (text.size() > frames::max_payload / 2) {
        send_text(Type::text, stream, text.substr(0, frames::max_payload / 2));
        text.remove_prefix(frames::max_payload / 2);
    }
    unsigned char buffer[64];
    auto payload = text_of(frames::encode(frames::Exec{.flags = options.flags,
                                                       .limit = options.limit,
                                                       .credit = options.credit,
                                                       .rows = options.rows,
                                                       .columns = options.columns,
                                                       .holder_report = options.holder_report,
                                                       .holder_limit = options.holder_limit},
                                          buffer));
    send_text(Type::exec, stream, payload.append(text));
}

const Received& RunningAgent::run(std::uint32_t stream, std::string_view text,
                                  ExecOptions options) {
    exec(stream, text, options);
    wait_for_exit(stream);
    return of(stream);
}

void RunningAgent::synchronise() {
    auto count = pongs_.size();
    send_text(Type::ping, 0, "synchronise");
    wait_until([&] { return pongs_.size() > count; });
}

void RunningAgent::wait_until(const std::function<bool()>& fulfilled) {
    auto end = std::chrono::steady_clock::now() + limit;
    while (!fulfilled()) {
        if (ended_) throw std::runtime_error("the agent has ended the line");
        if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it does not happen");
        pump(50);
    }
}

void RunningAgent::wait_for_exit(std::uint32_t stream) {
    wait_until([&] { return of(stream).exit || of(stream).refused; });
}

void RunningAgent::wait_for_closed(std::uint32_t stream) {
    wait_until([&] { return of(stream).closed; });
}

void RunningAgent::wait_for_output(std::uint32_t stream, std::string_view text) {
    try {
        wait_until([&] { return of(stream).output.find(text) != std::string::npos; });
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(error.what() + (", its output: " + of(stream).output));
    }
}

int RunningAgent::wait_for_end() {
    auto end = std::chrono::steady_clock::now() + limit;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it does not end");
        pump(10);
    }
    pid_ = -1;
    while (line_ && pump(0)) continue;  // reads the remaining frames
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Sends and reads without blocking, after waiting up to the given time. False if nothing was read.
bool RunningAgent::pump(int milliseconds) {
    short events = outgoing_.empty() ? POLLIN : POLLIN | POLLOUT;
    pollfd entry{.fd = ended_ ? -1 : line_.get(), .events = events, .revents = 0};
    if (::poll(&entry, 1, milliseconds) <= 0) return false;
    if ((entry.revents & POLLOUT) != 0) {
        auto put = ::send(line_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
        if (put > 0) outgoing_.erase(0, static_cast<std::size_t>(put));
    }
    if ((entry.revents & (POLLIN | POLLHUP)) == 0) return false;
    read_some();
    return true;
}

void RunningAgent::read_some() {
    unsigned char buffer[64 * 1024];
    auto got = ::read(line_.get(), buffer, sizeof buffer);
    if (got <= 0) {
        ended_ = ended_ || got == 0 || errno == ECONNRESET;
        return;
    }
    incoming_.insert(incoming_.end(), buffer, buffer + got);
    std::size_t taken = 0;
    for (;;) {
        auto found = frames::scan(frames::Bytes(incoming_).subspan(taken), frames::Expect::any);
        if (found.kind == frames::Scan::Kind::incomplete) break;
        EXPECT_EQ(found.kind, frames::Scan::Kind::frame) << "noise of the agent";
        if (found.kind == frames::Scan::Kind::frame) receive_frame(found);
        taken += found.size;
    }
    incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(taken));
}

void RunningAgent::receive_hello(frames::Bytes payload) {
    frames::Hello hello;
    if (!frames::decode(payload, hello)) return;
    hello_ = hello;
    // The reply to a hello of the test.
    if (hello.epoch != 0) progress_ = requested_;
}

void RunningAgent::receive_frame(const frames::Scan& found) {
    const auto& header = found.header;
    auto payload = found.payload;
    if (header.type == Type::hello) return receive_hello(payload);
    EXPECT_EQ(header.sequence, progress_.next);
    progress_.pass(found.head);
    not_acked_ += found.size;
    if (not_acked_ >= frames::ack_piece && acknowledges) {
        unsigned char buffer[64];
        not_acked_ = 0;
        frames::Ack ack{.next = progress_.next};
        outgoing_ += make_frame(Type::ack, 0, text_of(frames::encode(ack, buffer)));
    }
    ++received_;
    auto& received = streams_[header.stream];
    EXPECT_FALSE(received.closed && header.stream != 0) << "something after the last frame";
    frames::Started started;
    frames::Credit credit;
    frames::Exit exit;
    bool carries = header.type == Type::output || header.type == Type::errors;
    if (carries)
        (header.type == Type::output ? received.output : received.errors) += text_of(payload);
    if (carries && refill) {
        unsigned char buffer[64];
        credit.bytes = static_cast<std::uint32_t>(payload.size());
        // Sent by the next pump(); this function is called by the current one.
        outgoing_ +=
            make_frame(Type::credit, header.stream, text_of(frames::encode(credit, buffer)));
    }
    if (header.type == Type::started && frames::decode(payload, started))
        received.process = started.process;
    if (header.type == Type::credit && frames::decode(payload, credit))
        received.credit += credit.bytes;
    if (header.type == Type::exit && frames::decode(payload, exit)) {
        received.exit = exit;
        received.holders = text_of(payload);
    }
    if (header.type == Type::held) received.held = text_of(payload);
    if (header.type == Type::refused) received.refused = text_of(payload);
    if (header.type == Type::closed) received.closed = true;
    if (header.type == Type::pong) pongs_.push_back(text_of(payload));
}

}  // namespace charioteer::agent
