#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <iterator>
#include <string>

#include "io/unique_fd.hpp"
#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Exec;
using frames::Type;

/// Waits for the end of a process that is not a child of the test.
bool ends(int process) {
    io::UniqueFd end(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    if (!end) return errno == ESRCH;
    pollfd entry{.fd = end.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 60'000) == 1;
}

/// Signals of this process and those that it starts have no effect, as on processes in
/// uninterruptible disk I/O.
void disable_kill() {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_kill, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{.len = std::size(filter), .filter = filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

class AgentEnding : public testing::Test {
protected:
    AgentEnding() { agent_.greet(); }
    void signal(std::uint32_t stream, std::uint32_t number) {
        agent_.send(Type::signal, stream, frames::Signal{.number = number});
    }

    /// Runs the command until it is cut off at its limit after it has written `text`. On a busy
    /// host it may not have begun at the end of the first limits.
    const Received& cut_off(const std::string& command, std::string_view text) {
        for (std::uint32_t limit = 300; limit < 60'000; limit *= 4) {
            agent_.run(++stream_, command, {.limit = limit});
            if (agent_.of(stream_).output.find(text) != std::string::npos) break;
        }
        return agent_.of(stream_);
    }

    RunningAgent agent_;
    std::uint32_t stream_ = 0;
};

TEST_F(AgentEnding, AtItsLimitHasStatus124AndItsGroupIsKilled) {
    const auto& received = cut_off("sleep 1000 & echo $!; wait", "\n");
    EXPECT_EQ(received.status(), 124U);
    EXPECT_EQ(received.exit->timed_out, 1U);
    EXPECT_TRUE(ends(std::stoi(received.output)));
}

TEST_F(AgentEnding, ALimitThatIsNotReachedHasNoEffect) {
    agent_.run(1, "exit 4", {.limit = 100'000});
    EXPECT_EQ(agent_.of(1).status(), 4U);
    EXPECT_EQ(agent_.of(1).exit->timed_out, 0U);
}

TEST_F(AgentEnding, AtItsLimitACommandMayStillWriteOutput) {
    const auto& received = cut_off(
        "trap 'echo last; exit 9' TERM; echo first; while :; do sleep 0.01; done", "last\n");
    EXPECT_EQ(received.status(), 124U);
    EXPECT_EQ(received.output, "first\nlast\n");
}

TEST_F(AgentEnding, AStoppedCommandEndsAtItsLimit) {
    agent_.run(1, "kill -STOP $$", {.limit = 200});
    EXPECT_EQ(agent_.of(1).status(), 124U);
}

TEST_F(AgentEnding, ACommandThatIgnoresSigtermIsKilledAfterTheGracePeriod) {
    agent_.exec(1, "trap '' TERM; echo deaf; while :; do sleep 1; done");
    agent_.wait_for_output(1, "deaf");
    signal(1, 0);
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).exit->signal, static_cast<std::uint32_t>(SIGKILL));
    EXPECT_EQ(agent_.of(1).exit->timed_out, 0U);
}

TEST_F(AgentEnding, AGroupWhoseLeaderHasEndedIsKilled) {
    agent_.exec(1, "(trap '' TERM; echo $BASHPID; exec sleep 1000 >/dev/null 2>&1) & wait");
    agent_.wait_for_output(1, "\n");
    signal(1, 0);
    agent_.wait_for_closed(1);
    EXPECT_TRUE(ends(std::stoi(agent_.of(1).output)));
}

TEST(AgentEndingNothing, IsAnsweredAfterTheLimitWithTheNamesOfWhatIsLeft) {
    RunningAgent agent({.prepare = disable_kill});
    agent.greet();
    agent.exec(1, "echo text; exec sleep 1000", {.limit = 100});
    // Its shell ends after the limit by itself; the remaining process has the output open.
    agent.exec(2, "sleep 1000 & echo $!; read -rt 0.5 <><(:); exit 3",
               {.limit = 100, .holder_limit = 3'600'000});
    // Outside the group it is waited for while it holds the output.
    agent.exec(3, "setsid sleep 1000 & echo $!; read -rt 0.5 <><(:); exit 3", {.limit = 100});
    for (auto stream : {1U, 2U}) {
        agent.wait_for_exit(stream);
        agent.wait_for_output(stream, "\n");
        const auto& received = agent.of(stream);
        EXPECT_EQ(received.status(), 124U);
        EXPECT_EQ(received.exit->timed_out, 1U);
        EXPECT_EQ(received.exit->held, frames::Exit::not_ended);
        auto left = stream == 1 ? *received.process : std::stoul(received.output);
        EXPECT_THAT(received.holders, testing::HasSubstr("(pid " + std::to_string(left) + ")"));
        EXPECT_FALSE(received.closed);
        // It may still end later.
        EXPECT_EQ(::kill(static_cast<pid_t>(left), SIGKILL), 0);
        agent.wait_for_closed(stream);
    }
    EXPECT_EQ(agent.of(1).output, "text\n");
    agent.synchronise();
    EXPECT_FALSE(agent.of(3).exit);
    agent.wait_for_output(3, "\n");
    EXPECT_EQ(::kill(std::stoi(agent.of(3).output), SIGKILL), 0);
    agent.wait_for_closed(3);
    EXPECT_EQ(agent.of(3).status(), 124U);
}

TEST_F(AgentEnding, ASignalReachesTheWholeGroup) {
    agent_.exec(1, "trap 'echo got' USR1; (echo $BASHPID; exec sleep 1000) & wait; wait");
    agent_.wait_for_output(1, "\n");
    signal(1, SIGUSR1);
    agent_.wait_for_output(1, "got");
    EXPECT_TRUE(ends(std::stoi(agent_.of(1).output)));
    agent_.wait_for_exit(1);
}

TEST_F(AgentEnding, ASignalRightAfterTheStartIsNotLost) {
    for (std::uint32_t stream = 1; stream <= 50; ++stream) {
        agent_.exec(stream, "sleep 1000");
        signal(stream, SIGTERM);
    }
    for (std::uint32_t stream = 1; stream <= 50; ++stream) {
        agent_.wait_for_exit(stream);
        EXPECT_EQ(agent_.of(stream).status(), 128U + SIGTERM);
    }
}

TEST_F(AgentEnding, SignalsThatDoNotExistDoNothing) {
    agent_.exec(1, "cat", {.flags = Exec::with_input});
    for (auto number : {65U, 1000U, 0x80000009U, 0xffffffffU}) signal(1, number);
    agent_.send(Type::input_end, 1);
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).status(), 0U);
}

TEST_F(AgentEnding, TheEndOfTheConnectionEndsTheAgentButNotItsCommands) {
    agent_.exec(1, "exec sleep 1000 >/dev/null 2>&1 </dev/null");
    agent_.wait_until([&] { return agent_.of(1).process.has_value(); });
    auto process = static_cast<pid_t>(*agent_.of(1).process);
    agent_.close_line();
    EXPECT_EQ(agent_.wait_for_end(), 1);
    EXPECT_EQ(::kill(process, SIGKILL), 0);
}

TEST_F(AgentEnding, TheEndOfTheConnectionEndsAShellOnATerminalAndItsJobs) {
    agent_.exec(1, "exec bash --norc -i", {.flags = Exec::on_terminal});
    // The job prints its number itself: a child of bash that has not yet executed its program loses
    // SIGHUP. It begins a line, since bash may be printing one.
    agent_.send_text(Type::input, 1,
                     R"(sh -c 'printf "\njob=%d.\n" $$; exec sleep 1000' & sleep 2000)"
                     "\r");
    agent_.wait_until([&] { return agent_.of(1).output.find("\njob=") != std::string::npos; });
    agent_.wait_for_output(1, ".\r\n");
    auto at = agent_.of(1).output.find("\njob=") + 5;
    auto job = std::stoi(agent_.of(1).output.substr(at));
    auto shell = static_cast<int>(*agent_.of(1).process);
    agent_.close_line();
    EXPECT_EQ(agent_.wait_for_end(), 1);
    EXPECT_TRUE(ends(shell));
    EXPECT_TRUE(ends(job));
}

}  // namespace
}  // namespace charioteer::agent
