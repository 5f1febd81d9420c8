#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Type;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class AgentLine : public testing::Test {
protected:
    AgentLine() { agent_.greet(); }

    RunningAgent agent_;
};

TEST_F(AgentLine, APingIsAnswered) {
    agent_.send_text(Type::ping, 0, "");
    agent_.send_text(Type::ping, 0, "with\nsomething");
    agent_.wait_until([&] { return agent_.pongs().size() == 2; });
    EXPECT_THAT(agent_.pongs(), ElementsAre("", "with\nsomething"));
}

TEST_F(AgentLine, NoiseBeforeAndBetweenFramesIsSkipped) {
    agent_.send_bytes(
        "[    1.234567] a kernel message\r\n\xfe"
        "C");
    agent_.send_text(Type::ping, 0, "1");
    agent_.send_bytes(std::string(200'000, '\xfe'));
    agent_.send_text(Type::ping, 0, "2");
    agent_.wait_until([&] { return agent_.pongs().size() == 2; });
    EXPECT_THAT(agent_.pongs(), ElementsAre("1", "2"));
}

TEST_F(AgentLine, AFrameMayArriveInAnyPieces) {
    auto first = agent_.make_frame(Type::ping, 0, "whole");
    for (std::size_t cut = 1; cut < first.size(); ++cut) {
        auto frame = agent_.make_frame(Type::ping, 0, "whole");
        if (cut == 1) agent_.send_bytes(first);
        agent_.send_bytes(frame.substr(0, cut));
        agent_.send_bytes(frame.substr(cut));
    }
    agent_.wait_until([&] { return agent_.pongs().size() == first.size(); });
    EXPECT_THAT(agent_.pongs(), Each("whole"));
}

TEST_F(AgentLine, EachOfManyFramesInOneReadIsAnswered) {
    // The replies are larger than the agent's output buffer.
    std::string burst;
    for (int times = 0; times < 50'000; ++times) burst += agent_.make_frame(Type::ping, 0, "");
    agent_.send_bytes(burst);
    agent_.wait_until([&] { return agent_.pongs().size() == 50'000; });
}

TEST_F(AgentLine, WaitsForADriverThatDoesNotRead) {
    agent_.exec(1, "yes | head -c 1000000", {.credit = 2'000'000});
    std::string burst;
    for (int times = 0; times < 2'000; ++times)
        burst += agent_.make_frame(Type::ping, 0, std::string(64, 'x'));
    agent_.send_bytes(burst);
    agent_.wait_for_exit(1);
    agent_.wait_until([&] { return agent_.pongs().size() == 2'000; });
    EXPECT_EQ(agent_.of(1).output.size(), 1'000'000U);
}

TEST_F(AgentLine, ALostFrameIsReportedOnceAndFramesAreIgnoredUntilAHello) {
    agent_.send_text(Type::ping, 0, "1");
    agent_.skip_sequence_number();
    agent_.send_text(Type::ping, 0, "3");
    agent_.send_text(Type::ping, 0, "4");
    agent_.wait_until([&] { return agent_.of(0).refused.has_value(); });
    EXPECT_THAT(*agent_.of(0).refused, HasSubstr("lost"));
    agent_.greet();
    agent_.synchronise();
    EXPECT_THAT(agent_.pongs(), ElementsAre("1", "synchronise"));
    EXPECT_EQ(agent_.frames_received(), 3U);
}

TEST_F(AgentLine, AFrameWithAFlippedBitIsIgnored) {
    auto frame = agent_.make_frame(Type::ping, 0, "x");
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
        auto flipped = frame;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        agent_.send_bytes(flipped);
    }
    agent_.send_bytes(agent_.make_hello());
    agent_.synchronise();
    EXPECT_THAT(agent_.pongs(), ElementsAre("synchronise"));
}

TEST_F(AgentLine, AfterATruncatedFrameTheNextHelloIsFound) {
    auto frame = agent_.make_frame(Type::ping, 0, std::string(1000, 'x'));
    agent_.send_bytes(frame.substr(0, 500));
    // The frame is completed by the bytes that follow.
    for (int times = 0; times < 20; ++times) agent_.send_bytes(agent_.make_hello());
    agent_.synchronise();
    EXPECT_THAT(agent_.pongs(), SizeIs(1));
}

TEST_F(AgentLine, FramesOfTypesThatOnlyAnAgentSendsAreCountedAndIgnored) {
    for (auto type : {Type::started, Type::output, Type::errors, Type::exit, Type::refused,
                      Type::pong, Type::closed})
        agent_.send_text(type, 0, "nonsense");
    agent_.synchronise();
    EXPECT_THAT(agent_.pongs(), SizeIs(1));
}

TEST_F(AgentLine, TheEndOfTheConnectionEndsTheAgent) {
    agent_.close_line();
    EXPECT_EQ(agent_.wait_for_end(), 1);
}

TEST(AgentLineBeforeHello, AnIncompleteFrameForAnotherAgentDoesNotHideTheHello) {
    RunningAgent agent;
    RunningAgent other;
    agent.send_bytes(other.make_frame(Type::exec, 1, std::string(60'000, 'x')).substr(0, 100));
    agent.greet();
    agent.synchronise();
    EXPECT_THAT(agent.pongs(), SizeIs(1));
}

}  // namespace
}  // namespace charioteer::agent
