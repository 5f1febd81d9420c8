#include "process/guard/descendants.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace charioteer::process::guard {

namespace {

/// Adds the children of `parent` to `family`.
void add_children(pid_t parent, std::vector<pid_t>& family) {
    // The kernel lists children by thread. Only the main thread is read: guards and most helpers
    // have one thread, and QEMU has no children.
    std::string path =
        "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children";
    std::ifstream list(path);
    for (pid_t child = 0; list >> child;) family.push_back(child);
}

}  // namespace

void adopt_orphans() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void signal_descendants(int signal) {
    std::vector<pid_t> family;
    add_children(::getpid(), family);
    // Collected before the signal: children whose parent has ended are moved to this process.
    for (std::size_t i = 0; i < family.size(); ++i) add_children(family[i], family);
    for (pid_t pid : family) ::kill(pid, signal);
}

void kill_descendants() {
    // A process that is forked between listing and killing becomes a child of this process and is
    // killed in a later iteration.
    for (;;) {
        signal_descendants(SIGKILL);
        if (::waitpid(-1, nullptr, 0) < 0) return;
    }
}

}  // namespace charioteer::process::guard
