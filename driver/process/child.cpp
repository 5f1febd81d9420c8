#include "process/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>

#include "io/error.hpp"

namespace charioteer::process {

namespace {

constexpr std::size_t kept_output = 8 * 1024;
constexpr std::size_t read_size = 64 * 1024;
/// How long the end of the output is waited for after the guard's end.
constexpr auto output_grace = std::chrono::seconds(1);
/// For the guard to start the program, which takes long on an overloaded host.
constexpr auto start_limit = std::chrono::seconds(60);
/// For the end of killed processes. One that waits for a disk cannot be ended before that.
constexpr auto kill_limit = std::chrono::seconds(10);

}  // namespace

Child::Child(asio::any_io_executor executor, OutputSink sink, io::TimeSource& time)
    : sink_(std::move(sink)),
      time_(time),
      control_(executor),
      guard_(executor),
      input_(executor),
      output_(executor),
      changed_(executor) {}

asio::awaitable<std::shared_ptr<Child>> Child::spawn(ProcessSpec spec, OutputSink sink,
                                                     io::TimeSource& time) {
    auto executor = co_await asio::this_coro::executor;
    std::shared_ptr<Child> child(new Child(executor, std::move(sink), time));
    child->launch(spec);
    asio::co_spawn(executor, watch_guard(child), asio::detached);
    asio::co_spawn(executor, read_output(child), asio::detached);
    co_await child->expect_start(spec.arguments.at(0));
    asio::co_spawn(executor, watch_control(child), asio::detached);
    co_return child;
}

void Child::launch(const ProcessSpec& spec) {
    auto [control, guard_control] = make_control_pair();
    lifeline_.emplace(control.get());
    Pipe input;
    if (spec.input < 0) input = make_pipe();
    auto output = make_pipe();
    // Bursts of console output then take fewer reads. May fail: the system limits the size.
    ::fcntl(output.read.get(), F_SETPIPE_SZ, 1 << 20);
    SpawnPlan plan;
    plan.arguments = {guard_program().string(), "run"};
    plan.arguments.insert(plan.arguments.end(), spec.arguments.begin(), spec.arguments.end());
    plan.environment = spec.environment;
    plan.directory = spec.directory;
    plan.descriptors = {{spec.input < 0 ? input.read.get() : spec.input, 0},
                        {output.write.get(), 1},
                        {output.write.get(), 2},
                        {guard_control.get(), guard::control_fd}};
    if (spec.keep_open >= 0) plan.descriptors.emplace_back(spec.keep_open, guard::kept_fd);
    if (spec.passed >= 0) plan.descriptors.emplace_back(spec.passed, guard::passed_fd);
    guard_pid_ = process::spawn(plan);
    guard_.assign(open_pidfd(guard_pid_).release());
    control_.assign(control.release());
    if (input.write) input_.assign(input.write.release());
    output_.assign(output.read.release());
}

asio::awaitable<std::optional<guard::Message>> Child::next_message() {
    guard::Message message{};
    boost::system::error_code failure;
    auto got = co_await control_.async_read_some(
        asio::buffer(&message, sizeof message), asio::redirect_error(asio::use_awaitable, failure));
    if (failure == asio::error::operation_aborted) throw boost::system::system_error(failure);
    if (failure || got != sizeof message) co_return std::nullopt;
    co_return message;
}

asio::awaitable<void> Child::expect_start(std::string program) {
    try {
        auto first = co_await time_.deadline_after(start_limit)
                         .limit(next_message(), fmt::format("{} did not start", program));
        if (!first) throw io::Error(fmt::format("the guard process of {} was killed", program));
        if (first->kind == guard::Kind::exec_failed)
            throw io::system_error(fmt::format("cannot run {}", program), first->value);
        pid_ = first->value;
    } catch (...) {
        // The caller does not get the object.
        kill();
        throw;
    }
}

asio::awaitable<void> Child::watch_control(std::shared_ptr<Child> self) {
    while (auto message = co_await self->next_message()) {
        if (message->kind != guard::Kind::exited) continue;
        self->status_ = ExitStatus::from_wait(message->value);
        self->changed_.notify_all();
    }
    // Without a status the guard was killed, and with it the command (PR_SET_PDEATHSIG).
    if (!self->status_) self->status_ = ExitStatus{0, SIGKILL};
    self->changed_.notify_all();
}

asio::awaitable<void> Child::watch_guard(std::shared_ptr<Child> self) {
    boost::system::error_code ignored;
    co_await self->guard_.async_wait(asio::posix::stream_descriptor::wait_read,
                                     asio::redirect_error(asio::use_awaitable, ignored));
    ::waitpid(self->guard_pid_, nullptr, 0);
    self->guard_ended_ = true;
    self->changed_.notify_all();
    // All descendants have ended. Another process may have been given the output, by a socket.
    co_await self->time_.sleep_for(output_grace);
    self->output_.close();
}

asio::awaitable<void> Child::read_output(std::shared_ptr<Child> self) {
    std::string buffer(read_size, '\0');
    for (;;) {
        boost::system::error_code failure;
        auto got = co_await self->output_.async_read_some(
            asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failure));
        if (got > 0) {
            std::string_view bytes(buffer.data(), got);
            self->keep(bytes);
            if (self->sink_) self->sink_(bytes);
        }
        if (failure) break;
    }
    self->output_ended_ = true;
    self->changed_.notify_all();
}

void Child::keep(std::string_view bytes) {
    tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), kept_output)));
    // Trimmed rarely, so that many small reads do not move 8 KiB each.
    if (tail_.size() > 4 * kept_output) tail_.erase(0, tail_.size() - kept_output);
}

std::string_view Child::last_output() const noexcept {
    std::string_view tail = tail_;
    return tail.substr(tail.size() - std::min(tail.size(), kept_output));
}

asio::awaitable<void> Child::until_all_ended() {
    while (!all_ended() || !status_) co_await changed_.wait();
}

asio::awaitable<ExitStatus> Child::wait(io::Deadline deadline) {
    auto self = shared_from_this();
    co_await deadline.limit(until_all_ended(), fmt::format("process {} did not end", pid_));
    co_return *status_;
}

void Child::signal(int number) {
    if (status_ || !control_.is_open()) return;
    guard::Message message{guard::Kind::signal, number};
    ::send(control_.native_handle(), &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Child::kill() {
    signal(SIGKILL);
    // The guard takes this for the end of the driver and kills all remaining processes.
    if (control_.is_open()) ::shutdown(control_.native_handle(), SHUT_WR);
}

asio::awaitable<ExitStatus> Child::terminate(io::Duration grace) {
    auto self = shared_from_this();
    signal(SIGTERM);
    bool late = false;
    try {
        co_await wait(time_.deadline_after(grace));
    } catch (const io::TimeoutError&) {
        late = true;
    }
    if (late) {
        kill();
        co_await wait(time_.deadline_after(kill_limit));
    }
    co_return *status_;
}

asio::awaitable<void> Child::write_all(std::string bytes) {
    boost::system::error_code failure;
    co_await asio::async_write(input_, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, failure));
    if (failure == asio::error::operation_aborted) throw boost::system::system_error(failure);
    if (failure)
        throw io::ConnectionLost(fmt::format("process {} does not read its standard input: {}",
                                             pid_, failure.message()));
}

asio::awaitable<void> Child::write(std::string bytes, io::Deadline deadline) {
    auto self = shared_from_this();
    co_await deadline.limit(write_all(std::move(bytes)),
                            fmt::format("process {} did not read its standard input", pid_));
}

}  // namespace charioteer::process
