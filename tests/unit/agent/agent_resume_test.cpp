// The agent's behaviour after lost frames, and after its guest was restored to an earlier state.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Hello;
using frames::Type;

class AgentResume : public testing::Test {
protected:
    AgentResume() { agent_.greet(); }

    /// Sends a hello that requests the agent's progress and all frames after `received`; returns
    /// the reply.
    Hello request(frames::Progress received, std::uint32_t flags = 0) {
        auto hello = agent_.make_hello(
            {.nonce = 0, .flags = flags, .next = received.next, .chain = received.chain});
        agent_.send_bytes(hello);
        auto epoch = agent_.epoch();
        agent_.wait_until([&] { return agent_.hello()->epoch == epoch; });
        return *agent_.hello();
    }

    RunningAgent agent_;
};

TEST_F(AgentResume, FramesThatTheDriverHasNotReceivedAreResent) {
    agent_.synchronise();
    auto before = agent_.progress();
    agent_.run(1, "echo once");
    agent_.wait_for_closed(1);
    agent_.of(1) = {};
    auto answer = request(before);
    EXPECT_EQ(answer.flags, Hello::continues);
    EXPECT_GE(answer.next, 2U);
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).output, "once\n");
}

TEST_F(AgentResume, FramesThatTheDriverHasReceivedAreNotResent) {
    agent_.run(1, "echo once");
    agent_.wait_for_closed(1);
    auto received = agent_.frames_received();
    EXPECT_EQ(request(agent_.progress()).flags, Hello::continues);
    agent_.synchronise();
    EXPECT_EQ(agent_.frames_received(), received + 1);
}

TEST_F(AgentResume, ReportsThatTheDriverReceivedOtherFrames) {
    agent_.synchronise();
    auto other = agent_.progress();
    ++other.chain;
    EXPECT_EQ(request(other).flags, 0U);
}

TEST_F(AgentResume, ATruncatedFrameIsResentCompletely) {
    auto frame = agent_.make_frame(Type::ping, 0, "whole");
    agent_.send_bytes(frame.substr(0, frame.size() - 1));
    agent_.send_bytes(std::string(frames::max_frame, '\0'));
    EXPECT_EQ(request(agent_.progress()).next, 0U);
    agent_.send_bytes(frame);
    agent_.wait_until([&] { return !agent_.pongs().empty(); });
    EXPECT_EQ(agent_.pongs().front(), "whole");
}

TEST_F(AgentResume, SendsNoMoreThanItCanResend) {
    agent_.acknowledges = false;
    auto before = agent_.progress();
    agent_.exec(1, "head -c 1000000 /dev/zero", {.credit = 2'000'000});
    agent_.wait_until([&] { return agent_.of(1).output.size() > 200'000; });
    // Hellos are still answered; the replies displace kept frames.
    constexpr std::size_t questions = 4'000;
    for (std::size_t times = 0; times < questions; ++times) agent_.send_text(Type::ping, 0, "?");
    agent_.wait_until([&] { return agent_.pongs().size() == questions; });
    EXPECT_LT(agent_.of(1).output.size(), 300'000U);
    EXPECT_EQ(request(before).flags, 0U);
}

TEST_F(AgentResume, AResetLeavesCommandsRunning) {
    agent_.exec(1, "while :; do echo on; echo err >&2; sleep 0.01; done");
    agent_.wait_for_output(1, "on\non\n");
    auto process = static_cast<pid_t>(*agent_.of(1).process);
    request({}, Hello::reset);
    // Both ends restart their frame numbers; the command continues as an orphan.
    agent_.run(1, "echo reset");
    auto& orphan = agent_.of(frames::orphan | 1);
    agent_.wait_until([&] { return orphan.errors.size() > 8; });
    EXPECT_EQ(::kill(-process, SIGKILL), 0);
    agent_.wait_for_closed(frames::orphan | 1);
}

TEST_F(AgentResume, AResetEndsBuiltInProgramsOfTheDriver) {
    std::string words("wait-port\0001\000open\000", 17);
    agent_.exec(1, words, {.flags = frames::Exec::built_in});
    agent_.exec(2, "sleep 1000", {.flags = frames::Exec::on_terminal, .rows = 24, .columns = 80});
    agent_.wait_until([&] { return agent_.of(1).process && agent_.of(2).process; });
    request({}, Hello::reset);
    agent_.wait_for_closed(frames::orphan | 1);
    agent_.wait_for_closed(frames::orphan | 2);
}

TEST_F(AgentResume, AResetRestoresTheCreditOfACommand) {
    agent_.refill = false;
    agent_.exec(1, "head -c 150000 /dev/zero >&2; echo done >&2", {.credit = 100'000});
    agent_.wait_until([&] { return agent_.of(1).errors.size() == 100'000; });
    request({}, Hello::reset);
    agent_.wait_for_exit(frames::orphan | 1);
}

}  // namespace
}  // namespace charioteer::agent
