#include "unit/agent/built_in_program.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <system_error>

#include "fakes/paths.hpp"

namespace charioteer::agent {
namespace {

/// Reached only by a failing test.
constexpr int limit_ms = 60'000;

struct Pipe {
    io::UniqueFd read;
    io::UniqueFd write;
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
    return {io::UniqueFd(ends[0]), io::UniqueFd(ends[1])};
}

/// Makes system calls fail, like a kernel without these features.
void refuse(const Refused& refused) {
    constexpr auto number = offsetof(seccomp_data, nr);
    constexpr auto domain = offsetof(seccomp_data, args);
    constexpr auto load = BPF_LD | BPF_W | BPF_ABS;
    constexpr auto equal = BPF_JMP | BPF_JEQ | BPF_K;
    constexpr auto answer = BPF_RET | BPF_K;
    unsigned no_file = refused.files ? __NR_openat : ~0U;
    unsigned no_ioctl = refused.ioctl ? __NR_ioctl : ~0U;
    unsigned no_socket = refused.netlink ? __NR_socket : ~0U;
    sock_filter filter[] = {
        BPF_STMT(load, number),
        BPF_JUMP(equal, no_ioctl, 4, 0),
        BPF_JUMP(equal, no_file, 3, 0),
        BPF_JUMP(equal, no_socket, 0, 3),
        BPF_STMT(load, domain),
        BPF_JUMP(equal, AF_NETLINK, 0, 1),
        BPF_STMT(answer, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(answer, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{.len = std::size(filter), .filter = filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

double seconds(clockid_t clock) {
    timespec time{};
    if (::clock_gettime(clock, &time) != 0) fail("clock_gettime");
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

}  // namespace

BuiltInProgram::BuiltInProgram(std::vector<std::string> words, ProgramOptions options) {
    words.insert(words.begin(), {fakes::agent_program, "built-in"});
    auto arguments = pointers(words);
    auto environment = pointers(options.environment);
    auto input = make_pipe();
    auto output = make_pipe();
    auto errors = make_pipe();
    auto executed = make_pipe();
    pid_ = ::fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(input.read.get(), 0);
        ::dup2(output.write.get(), 1);
        ::dup2(errors.write.get(), 2);
        if (::chdir(options.directory.c_str()) != 0) ::_exit(126);
        const auto& refused = options.refused;
        if (refused.netlink || refused.files || refused.ioctl) refuse(refused);
        if (options.ioctls != nullptr && !options.ioctls->catch_ioctls()) ::_exit(125);
        ::execve(fakes::agent_program, arguments.data(), environment.data());
        ::_exit(127);
    }
    end_ = io::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!end_) fail("pidfd_open");
    executed.write.reset();
    char none = 0;
    if (::read(executed.read.get(), &none, 1) != 0) fail("read");
    input_ = std::move(input.write);
    output_ = std::move(output.read);
    errors_ = std::move(errors.read);
}

BuiltInProgram::~BuiltInProgram() {
    if (reaped_ || pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

bool BuiltInProgram::ended_within(int milliseconds) const {
    pollfd entry{.fd = end_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, milliseconds) == 1;
}

/// A field of /proc/PID/stat, counted after the name in parentheses.
bool BuiltInProgram::sleeps() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    std::string status;
    std::getline(file, status);
    auto name = status.rfind(") ");
    return name != std::string::npos && status.substr(name + 2, 1) == "S";
}

long BuiltInProgram::rests() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
    for (std::string name; file >> name;) {
        long count = 0;
        if (name == "voluntary_ctxt_switches:" && file >> count) return count;
    }
    return 0;
}

bool BuiltInProgram::keeps_waiting(long more) {
    auto wanted = rests() + more;
    auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
    while (std::chrono::steady_clock::now() < end) {
        if (rests() >= wanted && sleeps()) return true;
        if (ended_within(1)) return false;
    }
    return false;
}

int BuiltInProgram::status() {
    if (!ended_within(limit_ms)) return -1;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    reaped_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string BuiltInProgram::errors() {
    std::string text(4096, '\0');
    auto got = ::read(errors_.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
}

double BuiltInProgram::share_of_a_processor(const std::function<void()>& action) const {
    clockid_t own = 0;
    if (::clock_getcpuclockid(pid_, &own) != 0) fail("clock_getcpuclockid");
    auto begin = seconds(CLOCK_MONOTONIC);
    auto spent = seconds(own);
    action();
    return (seconds(own) - spent) / (seconds(CLOCK_MONOTONIC) - begin);
}

}  // namespace charioteer::agent
