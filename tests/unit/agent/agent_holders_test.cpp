// A command ends when the last process that holds its standard output has closed it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "fakes/temporary_directory.hpp"
#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Exec;
using frames::Type;
using testing::HasSubstr;
using testing::MatchesRegex;

class AgentHolders : public testing::Test {
protected:
    AgentHolders() {
        agent_.greet();
        agent_.run(99, "mkfifo " + gate_);
    }
    /// Ends the wait of the commands in `wait_`.
    void open_gate() { agent_.run(next_++, "echo open >" + gate_); }
    void kill(const std::string& process) { agent_.run(next_++, "kill -9 " + process); }
    void wait_until_held(std::uint32_t stream) {
        agent_.wait_until([&] { return agent_.of(stream).held.has_value(); });
    }

    fakes::TemporaryDirectory directory_;
    std::string gate_ = directory_.path() / "gate";
    std::string wait_ = "read -r <" + gate_ + "; ";
    RunningAgent agent_;
    std::uint32_t next_ = 100;
};

TEST_F(AgentHolders, TheCommandEndsWhenTheLastHolderHasClosedItsOutput) {
    agent_.exec(1, "(" + wait_ + "echo late) & echo early; exit 3", {.holder_report = 1});
    wait_until_held(1);
    EXPECT_THAT(*agent_.of(1).held, MatchesRegex("[^ ]+ \\(pid [0-9]+\\)"));
    EXPECT_FALSE(agent_.of(1).exit);
    open_gate();
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).output, "early\nlate\n");
    EXPECT_EQ(agent_.of(1).status(), 3U);
    EXPECT_EQ(agent_.of(1).exit->held, 0U);
}

TEST_F(AgentHolders, AreWaitedForInAllWaysOfStartingThem) {
    auto daemon = "sh -c '" + wait_ + "echo late'";
    for (const auto& start : {"setsid " + daemon + " &", "nohup " + daemon + " 2>/dev/null &",
                              "(" + daemon + " & exit) &", "exec 3>&1 >&2; " + daemon + " >&3 &"}) {
        auto stream = next_++;
        agent_.exec(stream, start + " exit 4", {.holder_report = 1});
        wait_until_held(stream);
        open_gate();
        agent_.wait_for_closed(stream);
        EXPECT_EQ(agent_.of(stream).output, "late\n") << start;
        EXPECT_EQ(agent_.of(stream).status(), 4U) << start;
    }
}

TEST_F(AgentHolders, AShellThatClosesItsOutputRunsOn) {
    agent_.exec(1, "echo first; exec >&-; " + wait_ + "exit 5");
    open_gate();
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).output, "first\n");
    EXPECT_EQ(agent_.of(1).status(), 5U);
}

TEST_F(AgentHolders, OfStandardErrorAreNotWaitedFor) {
    for (const auto* program :
         {"sleep 1000", "while :; do :; done", "while :; do echo line; done"}) {
        auto stream = next_++;
        agent_.run(stream, "{ " + std::string(program) + "; } >&2 & echo $!");
        EXPECT_EQ(agent_.of(stream).exit->held, 0U) << program;
        EXPECT_FALSE(agent_.of(stream).held) << program;
        EXPECT_FALSE(agent_.of(stream).closed) << program;
        kill("-" + std::to_string(*agent_.of(stream).process));
        agent_.wait_for_closed(stream);
    }
}

TEST_F(AgentHolders, OfStandardErrorMayOutnumberTheAllowedCommands) {
    if (is_emulated()) GTEST_SKIP() << "it takes long in the emulator";
    for (std::uint32_t stream = 1000; stream < 2050; ++stream)
        ASSERT_EQ(agent_.run(stream, "sleep 1000 >&2 &").status(), 0U) << stream;
}

TEST_F(AgentHolders, ErrorsOfTheShellPrecedeItsExitFrame) {
    // As much as fits into a pipe.
    agent_.refill = false;
    agent_.exec(1, "head -c 60000 /dev/zero >&2; sleep 1000 >&2 & exit 0", {.credit = 100});
    agent_.wait_until([&] { return agent_.of(1).errors.size() == 100; });
    agent_.run(2, "true");
    EXPECT_FALSE(agent_.of(1).exit);
    agent_.send(Type::credit, 1, frames::Credit{.bytes = 100'000});
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).errors.size(), 60'000U);
}

TEST_F(AgentHolders, AreAbandonedAfterTheirLimitAndNamed) {
    agent_.run(1,
               R"(
        trap '' USR1
        (trap 'echo late >&2; echo unwanted; exit' USR1; echo >)" +
                   gate_ + R"(
        while :; do sleep 1000 & wait; done) &
        )" + wait_ +
                   "echo $!; exit 3",
               {.holder_report = 3'600'000, .holder_limit = 1});
    EXPECT_EQ(agent_.of(1).status(), 3U);
    EXPECT_EQ(agent_.of(1).exit->held, 1U);
    EXPECT_THAT(agent_.of(1).holders, HasSubstr(" (pid "));
    EXPECT_FALSE(agent_.of(1).held);
    auto holder = agent_.of(1).output;
    agent_.run(2, "kill -USR1 " + holder + "; pkill -P " + holder + "; true");
    agent_.wait_until([&] { return agent_.of(1).errors == "late\n"; });
    kill("-" + std::to_string(*agent_.of(1).process));
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).output, holder);
}

TEST_F(AgentHolders, WaitingForCreditDoesNotCountAsSilence) {
    agent_.refill = false;
    agent_.exec(1, "printf 123456; sleep 1000 & exit 0", {.credit = 4, .holder_limit = 1});
    agent_.wait_until([&] { return agent_.of(1).output.size() == 4; });
    for (int times = 0; times < 20; ++times) agent_.run(next_++, "true");
    EXPECT_FALSE(agent_.of(1).exit);
    agent_.send(Type::credit, 1, frames::Credit{.bytes = 100});
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).output, "123456");
    EXPECT_EQ(agent_.of(1).exit->held, 1U);
}

TEST_F(AgentHolders, OutsideTheGroupSurviveTheLimitAndAreWaitedFor) {
    agent_.exec(1, "setsid sh -c '" + wait_ + "echo late' & echo early; sleep 1000",
                {.limit = 2'000, .holder_report = 1});
    wait_until_held(1);
    open_gate();
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).status(), 124U);
    EXPECT_EQ(agent_.of(1).output, "early\nlate\n");
}

TEST_F(AgentHolders, MayOutlastTheLimitOfAShellThatEndedInTime) {
    agent_.exec(1, "(" + wait_ + "echo late) & exit 6", {.limit = 2'000, .holder_report = 1});
    wait_until_held(1);
    // Has the same limit and was started later: when it has ended, the first limit has passed, too.
    EXPECT_EQ(agent_.run(2, "sleep 1000", {.limit = 2'000}).status(), 124U);
    open_gate();
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).status(), 6U);
    EXPECT_EQ(agent_.of(1).output, "late\n");
}

TEST_F(AgentHolders, ASignalOfTheDriverReachesThoseOfTheGroup) {
    agent_.exec(1, "sleep 1000 & exit 7", {.holder_report = 1});
    wait_until_held(1);
    agent_.send(Type::signal, 1, frames::Signal{.number = 0});
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).status(), 7U);
}

TEST_F(AgentHolders, OfATerminalAreDisconnectedWithItsShell) {
    agent_.run(1, "trap '' HUP; sleep 1000 & echo $!", {.flags = Exec::on_terminal});
    EXPECT_EQ(agent_.of(1).exit->held, 0U);
    agent_.wait_for_closed(1);
    kill(agent_.of(1).output.substr(0, agent_.of(1).output.find('\r')));
}

TEST_F(AgentHolders, WithoutAnOutputThereAreNone) {
    agent_.run(1, "sleep 1000 2>/dev/null & exit 8", {.flags = Exec::no_output});
    EXPECT_EQ(agent_.of(1).status(), 8U);
    agent_.wait_for_closed(1);
}

}  // namespace
}  // namespace charioteer::agent
