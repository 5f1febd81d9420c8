#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Exec;
using frames::Type;

class AgentInput : public testing::Test {
protected:
    AgentInput() { agent_.greet(); }

    RunningAgent agent_;
    ExecOptions with_input_{.flags = Exec::with_input};
};

TEST_F(AgentInput, IsEmptyWithoutARequest) {
    EXPECT_EQ(agent_.run(1, "cat; echo $?").output, "0\n");
}

TEST_F(AgentInput, IsTransferredUnchangedUntilItsEnd) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    agent_.exec(1, "cat", with_input_);
    agent_.send_text(Type::input, 1, all);
    agent_.send_text(Type::input, 1, all);
    agent_.send(Type::input_end, 1);
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).output, all + all);
}

TEST_F(AgentInput, ItsEndAloneIsAnEmptyInput) {
    agent_.exec(1, "cat; echo done", with_input_);
    agent_.send(Type::input_end, 1);
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).output, "done\n");
}

TEST_F(AgentInput, CreditForItIsReturned) {
    std::string piece(frames::input_window, 'x');
    std::uint64_t sent = 0;
    agent_.exec(1, "wc -c", with_input_);
    for (int times = 1; times <= 16; ++times) {
        agent_.send_text(Type::input, 1, piece);
        sent += piece.size();
        // Credit for the last quarter of the window may be sent later.
        agent_.wait_until([&] { return sent - agent_.of(1).credit < frames::input_window / 4; });
        piece.resize(frames::input_window - (sent - agent_.of(1).credit));
    }
    agent_.send(Type::input_end, 1);
    agent_.wait_for_exit(1);
    EXPECT_LE(agent_.of(1).credit, sent);
    EXPECT_EQ(agent_.of(1).output, std::to_string(sent) + "\n");
}

TEST_F(AgentInput, TheWholeWindowIsAcceptedForACommandThatDoesNotRead) {
    // Twice, because the first part fits into the pipe.
    std::string piece(frames::input_window, 'x');
    agent_.exec(2, "trap 'wc -c; exit' USR1; echo ready; while :; do sleep 0.01; done",
                with_input_);
    agent_.wait_for_output(2, "ready");
    agent_.send_text(Type::input, 2, piece);
    agent_.wait_until([&] { return agent_.of(2).credit == piece.size(); });
    agent_.send_text(Type::input, 2, piece);
    agent_.send(Type::input_end, 2);
    agent_.synchronise();
    EXPECT_FALSE(agent_.of(2).refused);
    agent_.send(Type::signal, 2, frames::Signal{.number = SIGUSR1});
    agent_.wait_for_exit(2);
    EXPECT_EQ(agent_.of(2).output, "ready\n" + std::to_string(2 * piece.size()) + "\n");
}

TEST_F(AgentInput, ACommandThatDoesNotReadItEndsNormally) {
    agent_.exec(1, "exec <&-; echo deaf", with_input_);
    agent_.send_text(Type::input, 1, std::string(frames::input_window, 'x'));
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).output, "deaf\n");
    EXPECT_EQ(agent_.of(1).status(), 0U);
}

TEST_F(AgentInput, InputForACommandThatHasClosedItIsDiscarded) {
    agent_.exec(1, "exec <&-; echo deaf; kill -STOP $$", with_input_);
    agent_.wait_for_output(1, "deaf");
    for (std::uint64_t times = 1; times <= 8; ++times) {
        agent_.send_text(Type::input, 1, std::string(frames::input_window, 'x'));
        agent_.wait_until([&] { return agent_.of(1).credit == times * frames::input_window; });
    }
    agent_.send(Type::signal, 1, frames::Signal{.number = SIGKILL});
    agent_.wait_for_exit(1);
}

TEST_F(AgentInput, MoreThanTheCreditEndsTheCommand) {
    std::string piece(frames::input_window, 'x');
    agent_.exec(1, "kill -STOP $$; cat >/dev/null", with_input_);
    agent_.send_text(Type::input, 1, piece);
    agent_.wait_until([&] { return agent_.of(1).credit == piece.size(); });
    agent_.send_text(Type::input, 1, piece);
    agent_.send_text(Type::input, 1, "x");
    agent_.wait_until([&] { return agent_.of(1).refused && agent_.of(1).closed; });
    EXPECT_EQ(agent_.run(2, "echo on").output, "on\n");
}

TEST_F(AgentInput, ABuiltInProgramHasALargerWindow) {
    std::string words("receive\0/dev/null\0", 18);
    agent_.exec(1, words, {.flags = Exec::with_input | Exec::built_in});
    constexpr auto more = frames::most_input_window - frames::input_window;
    agent_.wait_until([&] { return agent_.of(1).credit == more; });
    agent_.send(Type::input_end, 1);
    agent_.wait_for_exit(1);
}

TEST_F(AgentInput, WithoutRequestIsDiscardedAndItsCreditReturned) {
    agent_.exec(1, "kill -STOP $$");
    agent_.send_text(Type::input, 1, "discarded input");
    agent_.wait_until([&] { return agent_.of(1).credit == 15; });
    agent_.send(Type::signal, 1, frames::Signal{.number = SIGKILL});
    agent_.wait_for_closed(1);
}

}  // namespace
}  // namespace charioteer::agent
