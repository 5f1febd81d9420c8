#include "agent/spawn.hpp"

#include <sys/ioctl.h>

#include "agent/built_in.hpp"
#include "agent/error_output.hpp"
#include "agent/system.hpp"
#include "agent/text.hpp"

namespace charioteer::agent {

namespace {

constexpr int exit_not_executable = 126;
constexpr int exit_not_found = 127;
/// PATH when the environment has none; the last directory is NixOS's.
constexpr const char* default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

/// The child's ends of its streams; the same descriptor may be more than one of them.
struct ChildEnds {
    int input = -1;
    int output = -1;
    int errors = -1;
};

/// Returns only on failure: -ENOENT when no directory of PATH has the program, else the error of
/// the last one that has.
long execute_by_path(const char* program, char* const* arguments, char** environment) {
    const auto* path = find_variable(environment, "PATH=");
    if (path == nullptr) path = default_path;
    long failure = -ENOENT;
    while (*path != '\0') {
        size_t size = 0;
        while (path[size] != '\0' && path[size] != ':') ++size;
        Text<4096> file;
        file.add(path, size) << "/" << program;
        // Checked first, since a failing execve() is expensive.
        if (sys::exists(file.c_str())) failure = sys::execute(file.c_str(), arguments, environment);
        path += size;
        if (*path == ':') ++path;
    }
    return failure;
}

[[noreturn]] void run_shell(const frames::Exec& exec, const char* text, char** environment) {
    bool strict = (exec.flags & frames::Exec::strict) != 0;
    bool posix = (exec.flags & frames::Exec::posix) != 0;
    // dash exits when an option is unknown to it, so sh runs without pipefail.
    static constexpr const char* prefixes[] = {"set -euo pipefail; ", "set -eu; "};
    static constexpr const char* shells[] = {"bash", "sh"};
    auto size = strlen(text) + 1;  // with its NUL
    auto* script = static_cast<char*>(sys::map(size + 64));
    long failure = -ENOMEM;
    for (int index = 0; script != nullptr && index < 2; ++index) {
        Text<32> prefix;
        if (strict) prefix << prefixes[index];
        memcpy(script, prefix.c_str(), prefix.size());
        memcpy(script + prefix.size(), text, size);
        const auto* shell = posix ? "/bin/sh" : shells[index];
        char name[8];
        memcpy(name, shell, strlen(shell) + 1);
        char option[] = "-c";
        char* const arguments[] = {name, option, script, nullptr};
        failure = posix ? sys::execute(name, arguments, environment)
                        : execute_by_path(name, arguments, environment);
        if (failure != -ENOENT) break;
    }
    const auto* shell = posix ? "/bin/sh" : shells[0];
    if (failure == -E2BIG)
        report_error(shell, "Argument list too long");
    else
        report_error(shell, failure == -ENOENT ? "command not found" : "cannot be executed");
    sys::exit(failure == -ENOENT ? exit_not_found : exit_not_executable);
}

/// Undoes what the agent changed after its start, so that a command has the signals of a program
/// that init starts.
void restore_signals() {
    sys::signal_action(SIGPIPE, SIG_DFL);
    uint64_t none = 0;
    sys::signal_mask(SIG_SETMASK, &none);
}

/// Makes the ends descriptors 0 to 2, whatever numbers they have now, and closes all others: those
/// that were left open when the agent was started and, since a built-in program is not executed,
/// those of other commands.
void take_streams(ChildEnds ends) {
    for (auto* end : {&ends.input, &ends.output, &ends.errors})
        while (*end >= 0 && *end <= 2) *end = static_cast<int>(sys::fcntl(*end, F_DUPFD, 3));
    int number = 0;
    for (auto end : {ends.input, ends.output, ends.errors}) {
        if (end >= 0)
            sys::duplicate(end, number);
        else
            sys::close(number);
        ++number;
    }
    sys::close_from(number);
}

/// Opens a new terminal; returns the agent's end, or a negative errno.
long open_terminal(const frames::Exec& exec, int& slave) {
    auto master = sys::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0) return master;
    auto fd = static_cast<int>(master);
    int unlocked = 0;
    unsigned number = 0;
    sys::ioctl(fd, TIOCSPTLCK, &unlocked);
    sys::ioctl(fd, TIOCGPTN, &number);
    winsize size{.ws_row = exec.rows, .ws_col = exec.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    sys::ioctl(fd, TIOCSWINSZ, &size);
    Text<32> path;
    path << "/dev/pts/" << number;
    auto end = sys::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (end < 0) {
        sys::close(fd);
        return end;
    }
    slave = static_cast<int>(end);
    return master;
}

/// A pipe whose end `ours` is non-blocking.
long open_pipe(int& ours, int& theirs, bool we_read) {
    int ends[2];
    auto result = sys::pipe(ends, O_CLOEXEC);
    if (result < 0) return result;
    ours = ends[we_read ? 0 : 1];
    theirs = ends[we_read ? 1 : 0];
    return sys::fcntl(ours, F_SETFL, O_NONBLOCK | (we_read ? O_RDONLY : O_WRONLY));
}

/// Closes each descriptor once, though several ends may have the same one.
void close_all(const ChildEnds& ends) {
    if (ends.input >= 0) sys::close(ends.input);
    if (ends.output >= 0 && ends.output != ends.input) sys::close(ends.output);
    if (ends.errors >= 0 && ends.errors != ends.output) sys::close(ends.errors);
}

long open_streams(const frames::Exec& exec, Spawned& ours, ChildEnds& theirs) {
    if ((exec.flags & frames::Exec::on_terminal) != 0) {
        auto master = open_terminal(exec, theirs.input);
        if (master < 0) return master;
        ours.output = static_cast<int>(master);
        theirs.output = theirs.errors = theirs.input;
        return 0;
    }
    long result = 0;
    if ((exec.flags & frames::Exec::with_input) != 0)
        result = open_pipe(ours.input, theirs.input, false);
    else
        theirs.input = static_cast<int>(sys::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (result >= 0 && (exec.flags & frames::Exec::no_output) != 0)
        theirs.output = static_cast<int>(sys::open("/dev/null", O_WRONLY | O_CLOEXEC));
    else if (result >= 0)
        result = open_pipe(ours.output, theirs.output, true);
    if (result >= 0) result = open_pipe(ours.errors, theirs.errors, true);
    return result;
}

}  // namespace

Spawned spawn(const frames::Exec& exec, CommandText text, const Inheritance& inheritance) {
    Spawned spawned;
    ChildEnds ends;
    spawned.process = open_streams(exec, spawned, ends);
    bool on_terminal = (exec.flags & frames::Exec::on_terminal) != 0;
    auto agent = sys::process_id();
    // Signals that come before the child has reset its signal actions stay pending until then.
    uint64_t before = 0;
    sys::signal_mask(SIG_BLOCK, &sys::all_signals, &before);
    if (spawned.process >= 0) spawned.process = sys::fork();
    if (spawned.process == 0) {
        // The first terminal that the leader of a session opens becomes its controlling terminal,
        // and is hung up for all processes when the leader ends: so only commands on a terminal
        // lead one.
        if (on_terminal)
            sys::new_session();
        else
            sys::new_group();
        restore(inheritance.priority);
        take_streams(ends);
        restore_signals();
        if (on_terminal) sys::ioctl(0, TIOCSCTTY, nullptr);
        if ((exec.flags & frames::Exec::built_in) != 0) {
            sys::end_with(agent);
            sys::exit(run_built_in(split_words(text.data, text.size), inheritance.environment));
        }
        run_shell(exec, text.data, inheritance.environment);
    }
    sys::signal_mask(SIG_SETMASK, &before);
    close_all(ends);
    if (spawned.process < 0) {
        close_all({spawned.input, spawned.output, spawned.errors});
        spawned.input = spawned.output = spawned.errors = -1;
    }
    return spawned;
}

}  // namespace charioteer::agent
