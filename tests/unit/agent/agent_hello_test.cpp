#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Type;
using testing::ElementsAre;

TEST(AgentHello, NamesTheNonceAndTheProgramThatRuns) {
    RunningAgent agent({.nonce = 0xfedcba9876543210});
    agent.wait_until([&] { return agent.hello().has_value(); });
    std::ifstream file(agent_program(), std::ios::binary);
    std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(agent.hello()->version, frames::version);
    EXPECT_EQ(agent.hello()->nonce, 0xfedcba9876543210U);
    EXPECT_EQ(agent.hello()->program_size, content.size());
    EXPECT_EQ(agent.hello()->program_checksum,
              frames::checksum({reinterpret_cast<unsigned char*>(content.data()), content.size()}));
}

TEST(AgentHello, FramesBeforeTheDriversHelloAreIgnored) {
    RunningAgent agent;
    agent.send_text(Type::ping, 0, "early");
    agent.exec(1, "echo early");
    agent.greet();
    agent.synchronise();
    EXPECT_THAT(agent.pongs(), ElementsAre("synchronise"));
    EXPECT_FALSE(agent.of(1).process);
}

TEST(AgentHello, AHelloWithAnotherNonceIsIgnoredAtFirst) {
    RunningAgent agent;
    agent.greet(0xbad);
    agent.send_text(Type::ping, 0, "to another agent");
    agent.greet();
    agent.synchronise();
    EXPECT_THAT(agent.pongs(), ElementsAre("synchronise"));
}

TEST(AgentHello, AHelloWithAnotherNonceLaterEndsTheAgent) {
    RunningAgent agent;
    agent.greet();
    RunningAgent stranger({.nonce = 0xbad});
    agent.send_bytes(stranger.make_hello());
    EXPECT_EQ(agent.wait_for_end(), 1);
}

TEST(AgentHello, ALaterHelloOfTheDriverRestartsTheConnection) {
    RunningAgent agent;
    agent.greet();
    agent.skip_sequence_number();
    agent.greet();
    EXPECT_EQ(agent.run(1, "exit 3").status(), 3U);
}

TEST(AgentHello, ATruncatedHelloIsIgnored) {
    RunningAgent agent;
    agent.send_text(Type::hello, 0, "short");
    agent.send_text(Type::ping, 0, "early");
    agent.greet();
    agent.synchronise();
    EXPECT_THAT(agent.pongs(), ElementsAre("synchronise"));
}

TEST(AgentHello, BadArgumentsAreAnExitStatus) {
    const char* emulator = std::getenv("CHARIOTEER_AGENT_EMULATOR");
    auto program = (emulator ? emulator : "") + (" " + agent_program());
    for (auto arguments : {"", " 3", " x 1", " 3 y", " 3 1g"}) {
        auto command = program + arguments;
        EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 2) << arguments;
    }
}

}  // namespace
}  // namespace charioteer::agent
