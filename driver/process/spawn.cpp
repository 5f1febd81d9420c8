#include "process/spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "io/error.hpp"
#include "io/own_directory.hpp"

namespace charioteer::process {

namespace {

/// Descriptors of the new process have numbers below this.
constexpr int first_safe_descriptor = 16;

std::vector<char*> as_c_array(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    // posix_spawn takes char* for historical reasons, but does not write.
    for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

class FileActions {
public:
    FileActions() { posix_spawn_file_actions_init(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }

    /// `ours` becomes `theirs`. Copies it to a high number first, because its number may be the
    /// target of another descriptor.
    void place(int ours, int theirs) {
        copies_.emplace_back(::fcntl(ours, F_DUPFD_CLOEXEC, first_safe_descriptor));
        if (!copies_.back()) throw io::system_error("cannot copy a descriptor", errno);
        posix_spawn_file_actions_adddup2(&actions_, copies_.back().get(), theirs);
    }
    void change_directory(const std::filesystem::path& directory) {
        posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str());
    }
    /// Closes all other descriptors: otherwise locks and pipes of the caller would stay open as
    /// long as the new process runs.
    void close_from(int first) { posix_spawn_file_actions_addclosefrom_np(&actions_, first); }
    const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_;
    std::vector<io::UniqueFd> copies_;
};

class Attributes {
public:
    Attributes() {
        posix_spawnattr_init(&attributes_);
        sigset_t set;
        sigemptyset(&set);
        posix_spawnattr_setsigmask(&attributes_, &set);
        // Python ignores SIGPIPE, and a shell may have started the driver with SIGINT ignored.
        sigfillset(&set);
        posix_spawnattr_setsigdefault(&attributes_, &set);
        posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    ~Attributes() { posix_spawnattr_destroy(&attributes_); }
    const posix_spawnattr_t* get() const { return &attributes_; }

private:
    posix_spawnattr_t attributes_;
};

}  // namespace

std::filesystem::path guard_program() {
    if (const char* given = std::getenv("CHARIOTEER_GUARD")) return given;
    auto here = io::own_directory();
    auto guard = here / "charioteer-guard";
    if (::access(guard.c_str(), X_OK) != 0)
        throw io::Error(
            fmt::format("the program charioteer-guard is not in {}; the installation is "
                        "incomplete",
                        here.string()));
    return guard;
}

pid_t spawn(const SpawnPlan& plan) {
    FileActions actions;
    for (auto [ours, theirs] : plan.descriptors) actions.place(ours, theirs);
    int first_unused = 0;
    for (auto [ours, theirs] : plan.descriptors) first_unused = std::max(first_unused, theirs + 1);
    actions.close_from(first_unused);
    if (!plan.directory.empty()) actions.change_directory(plan.directory);
    Attributes attributes;
    auto arguments = as_c_array(plan.arguments);
    auto environment = as_c_array(plan.environment);
    pid_t pid = 0;
    int failure = posix_spawn(&pid, plan.arguments.at(0).c_str(), actions.get(), attributes.get(),
                              arguments.data(), environment.data());
    if (failure != 0)
        throw io::system_error(fmt::format("cannot start {}", plan.arguments[0]), failure);
    return pid;
}

SocketPair make_socket_pair(int type) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw io::system_error("cannot make a socket pair", errno);
    return {io::UniqueFd(ends[0]), io::UniqueFd(ends[1])};
}

SocketPair make_control_pair() {
    return make_socket_pair(SOCK_SEQPACKET);
}

io::UniqueFd open_pidfd(pid_t pid) {
    io::UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd) throw io::system_error(fmt::format("cannot watch process {}", pid), errno);
    return fd;
}

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw io::system_error("cannot make a pipe", errno);
    return {io::UniqueFd(ends[0]), io::UniqueFd(ends[1])};
}

std::vector<std::string> own_environment() {
    std::vector<std::string> variables;
    for (char** variable = environ; variable && *variable; ++variable)
        variables.emplace_back(*variable);
    return variables;
}

std::string_view find_variable(const std::vector<std::string>& environment, std::string_view name) {
    for (std::string_view variable : environment)
        if (variable.starts_with(name) && variable.substr(name.size()).starts_with('='))
            return variable.substr(name.size() + 1);
    return {};
}

}  // namespace charioteer::process
