#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Exec;
using frames::Type;
using testing::EndsWith;
using testing::HasSubstr;

bool is_zombie(std::uint32_t process) {
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    std::string text(std::istreambuf_iterator<char>(stat), {});
    return text.find(") Z ") != std::string::npos;
}

class AgentTerminal : public testing::Test {
protected:
    AgentTerminal() { agent_.greet(); }
    void type(std::string_view text) { agent_.send_text(Type::input, 1, text); }
    void wait_for(std::string_view text) { agent_.wait_for_output(1, text); }
    /// Starts a shell with the prompt '@' and without escape sequences.
    void start_shell() {
        agent_.exec(1, "TERM=dumb PS1=@ exec bash --norc --noediting -i", on_terminal_);
        wait_for_prompt();
    }
    void wait_for_prompt() {
        agent_.wait_until([&] { return agent_.of(1).output.ends_with("@"); });
    }

    RunningAgent agent_;
    ExecOptions on_terminal_{.flags = Exec::on_terminal, .rows = 30, .columns = 90};
};

TEST_F(AgentTerminal, AllStreamsAreOneTerminalOfTheGivenSize) {
    agent_.run(1, "for fd in 0 1 2; do [ -t $fd ] && echo $fd; done; stty size; echo err >&2",
               on_terminal_);
    EXPECT_EQ(agent_.of(1).output, "0\r\n1\r\n2\r\n30 90\r\nerr\r\n");
    EXPECT_EQ(agent_.of(1).errors, "");
}

TEST_F(AgentTerminal, ControlsTheCommand) {
    EXPECT_EQ(agent_.run(1, "echo here >/dev/tty", on_terminal_).output, "here\r\n");
    agent_.run(2, "echo here >/dev/tty");
    EXPECT_NE(agent_.of(2).status(), 0U);
}

TEST_F(AgentTerminal, AResizeIsSignalled) {
    agent_.exec(1, "trap 'stty size; exit 6' WINCH; echo ready; while :; do sleep 0.01; done",
                on_terminal_);
    wait_for("ready");
    agent_.send(Type::resize, 1, frames::Resize{.rows = 40, .columns = 132});
    agent_.wait_for_exit(1);
    EXPECT_THAT(agent_.of(1).output, HasSubstr("40 132"));
    EXPECT_EQ(agent_.of(1).status(), 6U);
}

TEST_F(AgentTerminal, ControlCEndsOnlyTheJobInFront) {
    start_shell();
    type("cat\r");
    type("before\r");
    wait_for("before\r\nbefore\r\n");
    type("\x03");
    wait_for_prompt();
    type("echo status=$?\r");
    wait_for("status=130");
    type("exit 5\r");
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).status(), 5U);
}

TEST_F(AgentTerminal, JobsAreControlled) {
    start_shell();
    type("cat\r");
    type("before\r");
    wait_for("before\r\nbefore\r\n");
    type("\x1a");
    wait_for("Stopped");
    wait_for_prompt();
    type("fg\r");
    wait_for("fg\r\ncat\r\n");
    type("after\r");
    wait_for("after\r\nafter\r\n");
    type("\x04");
    type("exit\r");
    agent_.wait_for_exit(1);
    EXPECT_THAT(agent_.of(1).output, Not(HasSubstr("no job control")));
}

TEST_F(AgentTerminal, ControlDEndsItsShell) {
    start_shell();
    type("\x04");
    agent_.wait_for_closed(1);
    EXPECT_EQ(agent_.of(1).status(), 0U);
}

TEST_F(AgentTerminal, OutputBeforeItsEndIsComplete) {
    for (std::uint32_t stream = 1; stream <= 20; ++stream)
        EXPECT_THAT(agent_.run(stream, "seq 1 5000", on_terminal_).output,
                    HasSubstr("\r\n5000\r\n"));
}

TEST_F(AgentTerminal, OutputThatTheKernelHasNotPassedOnIsNotLost) {
    // The kernel passes the output of a terminal on in pieces of 4095 bytes, in the background:
    // after each piece there is nothing to read for a moment.
    constexpr std::uint32_t piece = 4095;
    agent_.refill = false;
    on_terminal_.credit = 0;
    agent_.exec(1, "seq 1 2000", on_terminal_);
    agent_.wait_until([&] { return agent_.of(1).process && is_zombie(*agent_.of(1).process); });
    for (int times = 0; !agent_.of(1).exit && times < 10; ++times) {
        agent_.send(Type::credit, 1, frames::Credit{.bytes = piece});
        agent_.synchronise();
    }
    agent_.wait_for_exit(1);
    EXPECT_THAT(agent_.of(1).output, EndsWith("\r\n1999\r\n2000\r\n"));
}

TEST_F(AgentTerminal, AShellThatIgnoresSigtermIsHungUpOnRequest) {
    start_shell();
    type("sleep 1000 &\r");
    wait_for("[1]");
    agent_.send(Type::signal, 1, frames::Signal{.number = 0});
    agent_.wait_for_exit(1);
    EXPECT_EQ(agent_.of(1).exit->signal, 1U);
    EXPECT_EQ(agent_.of(1).exit->timed_out, 0U);
}

TEST_F(AgentTerminal, InputForACommandThatDoesNotReadIsAcceptedAndDiscarded) {
    agent_.exec(1, "stty raw -echo; echo ready; read -rN 5 text; echo \"[$text]\"", on_terminal_);
    wait_for("ready");
    type("hello and more");
    agent_.wait_for_closed(1);
    EXPECT_THAT(agent_.of(1).output, HasSubstr("[hello]"));
}

}  // namespace
}  // namespace charioteer::agent
