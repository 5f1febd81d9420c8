#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Exec;
using frames::Type;
using testing::HasSubstr;

class AgentOutput : public testing::Test {
protected:
    AgentOutput() { agent_.greet(); }
    void end(std::uint32_t stream) {
        agent_.send(Type::signal, stream, frames::Signal{.number = SIGKILL});
    }

    RunningAgent agent_;
};

TEST_F(AgentOutput, StopsWithoutCreditAndDoesNotDelayOtherStreams) {
    agent_.refill = false;
    agent_.exec(1, "exec yes", {.credit = 10'000});
    agent_.wait_until([&] { return agent_.of(1).output.size() == 10'000; });
    for (std::uint32_t stream = 2; stream < 30; ++stream)
        EXPECT_EQ(agent_.run(stream, "echo other").output, "other\n");
    EXPECT_EQ(agent_.of(1).output.size(), 10'000U);
    agent_.send(Type::credit, 1, frames::Credit{.bytes = 1});
    agent_.wait_until([&] { return agent_.of(1).output.size() == 10'001; });
    agent_.synchronise();
    EXPECT_EQ(agent_.of(1).output.size(), 10'001U);
}

TEST_F(AgentOutput, OfAnEndlessCommandDoesNotDelayOthers) {
    agent_.exec(1, "exec yes");
    agent_.exec(2, "exec yes >&2");
    agent_.wait_for_output(1, "y\n");
    for (std::uint32_t stream = 3; stream < 30; ++stream)
        EXPECT_EQ(agent_.run(stream, "echo other").output, "other\n");
}

TEST_F(AgentOutput, OfManyEndlessCommandsDoesNotDelayAnEarlierOne) {
    agent_.exec(1, "exec cat", {.flags = Exec::with_input});
    for (std::uint32_t stream = 2; stream < 10; ++stream) {
        agent_.exec(stream, "exec yes");
        agent_.wait_for_output(stream, "y\n");
    }
    agent_.send_text(Type::input, 1, "the older one\n");
    agent_.wait_for_output(1, "the older one\n");
}

TEST_F(AgentOutput, OfAHundredMegabytesIsComplete) {
    std::size_t size = is_emulated() ? 10'000'000 : 100'000'000;
    agent_.run(1, "yes 0123456 | head -c " + std::to_string(size));
    std::string wanted;
    while (wanted.size() < size) wanted += "0123456\n";
    EXPECT_TRUE(agent_.of(1).output == wanted) << agent_.of(1).output.size();
}

TEST_F(AgentOutput, OfACommandThatHasEndedWaitsForCredit) {
    agent_.refill = false;
    agent_.exec(1, "printf 123456; printf abcdef >&2; exit 5", {.credit = 4});
    agent_.wait_until([&] { return agent_.of(1).output.size() == 4; });
    for (std::uint32_t stream = 2; stream < 30; ++stream) agent_.run(stream, "true");
    EXPECT_FALSE(agent_.of(1).exit);
    agent_.send(Type::credit, 1, frames::Credit{.bytes = 100});
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).output, "123456");
    EXPECT_EQ(agent_.of(1).errors, "abcdef");
    EXPECT_EQ(agent_.of(1).status(), 5U);
}

TEST_F(AgentOutput, WithoutOutputACommandEndsWithoutCredit) {
    agent_.exec(1, "exit 5", {.credit = 0});
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).status(), 5U);
}

TEST_F(AgentOutput, OfExactlyTheCreditEndsWithoutMore) {
    agent_.refill = false;
    agent_.exec(1, "printf 1234", {.credit = 4});
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).output, "1234");
}

TEST_F(AgentOutput, OfAProcessSubstitutionIsComplete) {
    // The output is written after the shell has ended.
    agent_.run(1, "yes | head -c 3000000 > >(md5sum; echo end)");
    EXPECT_THAT(agent_.of(1).output, HasSubstr("end\n"));
}

TEST_F(AgentOutput, OfASlowProcessSubstitutionIsComplete) {
    agent_.run(1, "echo before > >(read -r; for ((i = 0; i < 50000; ++i)); do :; done; echo end)");
    EXPECT_EQ(agent_.of(1).output, "end\n");
}

TEST_F(AgentOutput, OfAProcessSubstitutionWaitsForCreditAndIsComplete) {
    agent_.refill = false;
    agent_.exec(1, "seq 100000 > >(sed s/^/x/)", {.credit = 1000});
    agent_.wait_until([&] { return agent_.of(1).output.size() == 1000; });
    agent_.run(2, "true");
    EXPECT_FALSE(agent_.of(1).exit);
    agent_.send(Type::credit, 1, frames::Credit{.bytes = 1'000'000});
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).exit->held, 0U);
    EXPECT_EQ(agent_.of(1).output.size(), 688'895U);
}

TEST_F(AgentOutput, OfOneStreamIsNotDelayedByTheOther) {
    agent_.run(1, "head -c 300000 /dev/zero >&2; echo out");
    EXPECT_EQ(agent_.of(1).errors.size(), 300'000U);
    EXPECT_EQ(agent_.of(1).output, "out\n");
}

}  // namespace
}  // namespace charioteer::agent
