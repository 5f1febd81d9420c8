#include "process/guard/run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "process/guard/descendants.hpp"
#include "process/guard/message.hpp"

namespace charioteer::process::guard {

namespace {

/// The time in milliseconds that helpers of the command (swtpm, virtiofsd) have to end after it,
/// and that all processes have to end after the driver: start scripts of containers remove networks
/// then.
constexpr long helper_grace_ms = 2000;

void report(Kind kind, int value) {
    Message message{kind, value};
    // Errors are ignored: the end of the driver is detected by the end of the control socket.
    [[maybe_unused]] auto sent = ::send(control_fd, &message, sizeof message, MSG_NOSIGNAL);
}

int open_child_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

[[noreturn]] void exec_command(char** command, int failure_fd) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    ::setpgid(0, 0);
    ::close(control_fd);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvp(command[0], command);
    int reason = errno;
    [[maybe_unused]] auto written = ::write(failure_fd, &reason, sizeof reason);
    ::_exit(127);
}

/// The process id of the running command, or -1 with errno.
pid_t start(char** command) {
    std::array<int, 2> failure{};
    if (::pipe2(failure.data(), O_CLOEXEC) != 0) return -1;
    pid_t child = ::fork();
    if (child == 0) exec_command(command, failure[1]);
    int saved = errno;
    ::close(failure[1]);
    int reason = 0;
    if (child > 0 && ::read(failure[0], &reason, sizeof reason) == sizeof reason) {
        ::waitpid(child, nullptr, 0);
        child = -1;
        saved = reason;
    }
    ::close(failure[0]);
    errno = saved;
    return child;
}

/// Reaps ended children. If `main_child` is among them, reports its status and returns true.
bool reap(pid_t main_child) {
    bool ended = false;
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != main_child) continue;
        report(Kind::exited, status);
        ended = true;
    }
    return ended;
}

/// Waits up to helper_grace_ms until no descendant is left; true if none is left.
bool wait_for_helpers(int child_signals) {
    timespec begin{};
    ::clock_gettime(CLOCK_MONOTONIC, &begin);
    for (;;) {
        signalfd_siginfo info{};
        while (::read(child_signals, &info, sizeof info) > 0) {
        }
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        if (::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) return true;
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        long elapsed = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
        if (elapsed >= helper_grace_ms) return false;
        pollfd ended{child_signals, POLLIN, 0};
        ::poll(&ended, 1, static_cast<int>(helper_grace_ms - elapsed));
    }
}

/// Handles one message: sends its signal to the command's process group; false if the driver has
/// ended.
bool handle_message(pid_t child) {
    Message message{};
    ssize_t got = ::recv(control_fd, &message, sizeof message, 0);
    if (got == sizeof message && message.kind == Kind::signal) {
        // The child may not have called setpgid yet.
        if (::kill(-child, message.value) != 0) ::kill(child, message.value);
    }
    return got > 0 || (got < 0 && errno == EINTR);
}

}  // namespace

int run(char** command) {
    adopt_orphans();
    for (int ours : {control_fd, kept_fd}) ::fcntl(ours, F_SETFD, FD_CLOEXEC);
    int child_signals = open_child_signals();
    pid_t child = start(command);
    if (child < 0) {
        report(Kind::exec_failed, errno);
        return 127;
    }
    // Otherwise this process would keep the command's output pipe open after its end.
    for (int stream : {0, 1, 2}) ::close(stream);
    report(Kind::started, child);
    for (bool running = true; running;) {
        std::array<pollfd, 2> fds{{{control_fd, POLLIN, 0}, {child_signals, POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), -1);
        if (fds[1].revents) {
            signalfd_siginfo info{};
            [[maybe_unused]] auto got = ::read(child_signals, &info, sizeof info);
            running = !reap(child);
        }
        if (running && fds[0].revents && !handle_message(child)) running = false;
    }
    signal_descendants(SIGTERM);
    wait_for_helpers(child_signals);
    kill_descendants();
    return 0;
}

}  // namespace charioteer::process::guard
