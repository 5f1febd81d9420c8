#include "termination.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "core.hpp"
#include "files/remove_tree.hpp"
#include "io/error.hpp"
#include "io/signals_blocked.hpp"

namespace charioteer::python {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto script_limit = 5s;
constexpr auto cleanup_limit = 15s;
/// The longest time that counts against limits here without a look at the clock: a process that
/// the host does not run for seconds has not had the time.
constexpr auto longest_slice = 100ms;
/// The program timeout signals its child and then the process group, which the child is in.
constexpr auto same_request = 1s;
/// For ending machines after Python's time. Guards kill the remaining ones after the process's end.
constexpr auto close_limit = 3s;
/// Of these, for captures to be complete.
constexpr vlan::StopLimits captures_limits{1s, 2s};
/// For all steps without Python: a report may be a pipe that is not read.
constexpr auto force_limit = 10s;

/// Calls `wait` with a limit of `left` or a slice of it; returns how much of `left` has passed.
template <class Wait>
Clock::duration counted(Clock::duration left, Wait wait) {
    auto slice = std::min<Clock::duration>(left, longest_slice);
    auto before = Clock::now();
    wait(std::chrono::ceil<std::chrono::milliseconds>(slice));
    return std::min<Clock::duration>(Clock::now() - before, 2 * slice);
}

asio::awaitable<void> close(std::shared_ptr<session::Session> session) {
    co_await session->close(captures_limits);
}

}  // namespace

Termination& Termination::instance() {
    static auto* const made = new Termination;
    return *made;
}

Termination::Termination()
    : owner_(::getpid()),
      main_thread_(::pthread_self()),
      awake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!awake_) throw io::system_error("cannot make an eventfd", errno);
    observe_forks();
}

void Termination::watch() {
    if (::getpid() != owner_) return;
    start_thread();
    if (is_watching()) return;
    main_thread_ = ::pthread_self();
    termios terminal{};
    if (!terminal_ && ::tcgetattr(STDIN_FILENO, &terminal) == 0) terminal_ = terminal;
    struct sigaction ours {};
    ours.sa_sigaction = &handle;
    // No SA_RESTART, so that Python's system calls are interrupted.
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    // Stored before the new handler can be called.
    ::sigaction(SIGTERM, nullptr, &before_);
    ::sigaction(SIGTERM, &ours, nullptr);
}

void Termination::unwatch() {
    cleaning_ = false;
    if (is_watching()) ::sigaction(SIGTERM, &before_, nullptr);
}

bool Termination::is_watching() noexcept {
    struct sigaction now {};
    ::sigaction(SIGTERM, nullptr, &now);
    return (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == &handle;
}

void Termination::handle(int number, siginfo_t* info, void* context) {
    int error = errno;
    auto& self = instance();
    if (::getpid() != self.owner_) {
        // A forked child: the signal ends it as if there were no handler.
        ::signal(number, SIG_DFL);
        ::raise(number);
        return;
    }
    bool is_main = ::pthread_equal(::pthread_self(), self.main_thread_) != 0;
    // Both kinds are sent to the main thread, where pending ones become one.
    bool interrupts = is_main && self.interrupting_.exchange(false);
    bool is_own = is_main && self.notifying_.exchange(false);
    if (interrupts && !is_own) {
        errno = error;
        return;
    }
    if (!is_own) {
        self.begun_ = true;
        ++self.requests_;
        self.wake();
    }
    self.call_handler_before(number, info, context);
    if (!is_main && is_watching()) {
        // Python has noted the signal, but its main thread would not look before its system call
        // ends. Without a handler, which the end of the clean-up removes, it would end the process.
        self.interrupting_ = true;
        ::pthread_kill(self.main_thread_, number);
    }
    errno = error;
}

void Termination::call_handler_before(int number, siginfo_t* info, void* context) const {
    if ((before_.sa_flags & SA_SIGINFO) != 0)
        before_.sa_sigaction(number, info, context);
    else if (before_.sa_handler != SIG_DFL && before_.sa_handler != SIG_IGN)
        before_.sa_handler(number);
}

void Termination::begin() {
    start_thread();
    struct sigaction now {};
    ::sigaction(SIGTERM, nullptr, &now);
    bool is_handled = (now.sa_flags & SA_SIGINFO) != 0 ||
                      (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN);
    if (!is_handled) python_is_notified_ = false;
    begun_ = true;
    ++requests_;
    wake();
    if (is_watching()) notifying_ = true;
    // Sent to the thread on which Python handles signals, to interrupt its system call.
    if (is_handled) ::pthread_kill(main_thread_, SIGTERM);
}

void Termination::script_ended() noexcept {
    cleaning_ = true;
    wake();
}

void Termination::add(const std::shared_ptr<session::Session>& session) {
    std::lock_guard lock(mutex_);
    living(sessions_);
    sessions_.push_back(session);
}

void Termination::add(const std::shared_ptr<Reporter>& reporter) {
    std::lock_guard lock(mutex_);
    living(reporters_);
    reporters_.push_back(reporter);
}

void Termination::remove_at_end(std::string folder) {
    std::lock_guard lock(mutex_);
    folder_ = std::move(folder);
}

/// The objects that still exist; removes the others.
template <class T>
std::vector<std::shared_ptr<T>> Termination::living(std::vector<std::weak_ptr<T>>& all) {
    std::erase_if(all, [](const auto& each) { return each.expired(); });
    std::vector<std::shared_ptr<T>> found;
    for (const auto& each : all)
        if (auto object = each.lock()) found.push_back(std::move(object));
    return found;
}

void Termination::wake() const noexcept {
    std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(awake_.get(), &one, sizeof one);
}

void Termination::start_thread() {
    std::lock_guard lock(mutex_);
    if (thread_started_) return;
    thread_started_ = true;
    io::SignalsBlocked blocked;
    std::thread([this] { run(); }).detach();
}

void Termination::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "charioteer-end");
    // The only thread of the core that receives it, for scripts that block it in their threads.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    await_python();
    last_.lock();
    std::thread([this] {
        Clock::duration left = force_limit;
        while (left > 0s)
            left -= counted(left, [](auto slice) { std::this_thread::sleep_for(slice); });
        kill_process();
    }).detach();
    end_without_python();
    kill_process();
}

/// Returns when Python's time is over.
void Termination::await_python() noexcept {
    while (!begun_) await_wake(-1ms);
    if (!python_is_notified_) return;
    Clock::duration left = script_limit;
    Clock::duration since_begin{};
    int requests = requests_;
    bool was_cleaning = false;
    while (left > 0s) {
        auto passed = counted(left, [this](auto slice) { await_wake(slice); });
        left -= passed;
        since_begin += passed;
        if (cleaning_ && !was_cleaning) left = cleanup_limit;
        was_cleaning = cleaning_;
        bool is_again = requests != requests_ && since_begin > same_request;
        if (is_again && !cleaning_) return;
        requests = requests_;
    }
}

void Termination::await_wake(std::chrono::milliseconds limit) const noexcept {
    pollfd readable{awake_.get(), POLLIN, 0};
    ::poll(&readable, 1, static_cast<int>(limit.count()));
    std::uint64_t ignored = 0;
    [[maybe_unused]] auto got = ::read(awake_.get(), &ignored, sizeof ignored);
}

void Termination::end_without_python() noexcept {
    constexpr auto what = "the test did not end in time after SIGTERM; it is ended by force";
    try {
        std::unique_lock lock(mutex_);
        auto reporters = living(reporters_);
        auto folder = folder_;
        lock.unlock();
        // Reports before machines: ending these causes errors that are not the reason of the end.
        for (const auto& each : reporters) {
            each->viewed = false;
            each->take({io::EventKind::log, {}, what});
            each->finish_reports(fmt::format("interrupted by SIGTERM: {}", what));
        }
        close_sessions();
        for (const auto& each : reporters) each->finish_output();
        if (!folder.empty()) files::remove_tree(AT_FDCWD, folder.c_str());
    } catch (const std::exception&) {
        // Ignored, so that the process ends in any case.
    }
}

void Termination::close_sessions() noexcept {
    std::vector<io::Pending<void>> closing;
    std::unique_lock lock(mutex_);
    auto sessions = living(sessions_);
    lock.unlock();
    Clock::duration left = close_limit;
    try {
        for (auto& each : sessions)
            closing.push_back(Core::instance().runtime().start(close(std::move(each))));
        for (auto& each : closing) {
            bool is_closed = false;
            while (!is_closed && left > 0s)
                left -= counted(left, [&](auto slice) { is_closed = each.wait_for(slice); });
        }
    } catch (const std::exception&) {
        // The io thread may have ended; guards end the machines.
    }
}

void Termination::end_process() noexcept {
    last_.lock();
    kill_process();
}

void Termination::kill_process() const noexcept {
    // Signals are blocked, because restoring the terminal from the background sends SIGTTOU.
    io::SignalsBlocked blocked;
    if (terminal_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*terminal_);
    ::signal(SIGTERM, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::kill(::getpid(), SIGTERM);
    // A signal that process 1 of a container sends itself does not end it.
    std::this_thread::sleep_for(1s);
    ::_exit(128 + SIGTERM);
}

void Termination::after_fork_in_child() noexcept {
    // The child itself restores the handler of the script or of Python (test_driver.signals).
    begun_ = false;
}

}  // namespace charioteer::python
