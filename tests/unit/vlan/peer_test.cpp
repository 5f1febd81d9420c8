/// Which machine a process belongs to.

#include "vlan/peer.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "io/unique_fd.hpp"

namespace charioteer::vlan {
namespace {

/// A shell command that prints the id of a process, which then stops itself; ended by the
/// destructor. The process runs no further program: while it starts one, the kernel shows no
/// environment.
class Stopped {
public:
    explicit Stopped(const std::string& command) : output_(::popen(command.c_str(), "r")) {
        if (output_ == nullptr || std::fscanf(output_, "%d", &pid_) != 1)
            throw std::runtime_error("cannot run: " + command);
    }
    Stopped(const Stopped&) = delete;
    Stopped& operator=(const Stopped&) = delete;
    ~Stopped() {
        ::kill(pid_, SIGKILL);
        ::pclose(output_);
    }
    pid_t pid() const { return pid_; }

private:
    FILE* output_;
    pid_t pid_ = 0;
};

TEST(Peer, TheEnvironmentOfAProcessNamesItsMachine) {
    Stopped stopped("CHARIOTEER_MACHINE=web sh -c 'echo $$; kill -STOP $$'");
    EXPECT_EQ(machine_of(stopped.pid()), "web");
}

TEST(Peer, TheNearestAncestorThatHasTheVariableCounts) {
    Stopped stopped(
        "CHARIOTEER_MACHINE=outer sh -c 'CHARIOTEER_MACHINE=db sh -c "
        "\"env -i sh -c \\\"echo \\\\\\$\\\\\\$; kill -STOP \\\\\\$\\\\\\$\\\"; true\"; true'");
    EXPECT_EQ(machine_of(stopped.pid()), "db");
}

TEST(Peer, AProcessWithoutTheVariableHasNoMachine) {
    EXPECT_EQ(machine_of(::getpid()), "");
    EXPECT_EQ(machine_of(0), "");
}

TEST(Peer, TheKernelKnowsTheProcessOfAConnection) {
    int sockets[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    io::UniqueFd one(sockets[0]);
    io::UniqueFd other(sockets[1]);
    EXPECT_EQ(peer_process(one.get()), ::getpid());
    EXPECT_EQ(peer_process(-1), 0);
}

}  // namespace
}  // namespace charioteer::vlan
