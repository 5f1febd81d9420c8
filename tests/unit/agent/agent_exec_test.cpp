#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Exec;
using frames::Type;
using testing::HasSubstr;

class AgentExec : public testing::Test {
protected:
    AgentExec() { agent_.greet(); }

    RunningAgent agent_;
};

TEST_F(AgentExec, TheExitFrameHasTheStatus) {
    EXPECT_EQ(agent_.run(1, "true").status(), 0U);
    EXPECT_EQ(agent_.run(2, "exit 77").status(), 77U);
    EXPECT_EQ(agent_.of(2).exit->signal, 0U);
    EXPECT_EQ(agent_.run(3, "no-such-command").status(), 127U);
}

TEST_F(AgentExec, ACommandKilledByASignalHasTheStatusOfAShell) {
    agent_.run(1, "kill -SEGV $$");
    EXPECT_EQ(agent_.of(1).exit->status, 128U + SIGSEGV);
    EXPECT_EQ(agent_.of(1).exit->signal, static_cast<std::uint32_t>(SIGSEGV));
    EXPECT_EQ(agent_.of(1).exit->timed_out, 0U);
}

TEST_F(AgentExec, OutputAndErrorsAreSeparate) {
    agent_.run(1, "echo out; echo err >&2; echo more");
    EXPECT_EQ(agent_.of(1).output, "out\nmore\n");
    EXPECT_EQ(agent_.of(1).errors, "err\n");
    EXPECT_EQ(agent_.of(1).exit->held, 0U);
}

TEST_F(AgentExec, EveryByteIsTransferredUnchanged) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    agent_.run(1, R"~(for i in {0..255}; do printf "\\x$(printf %x $i)"; done | tee /dev/stderr)~");
    EXPECT_EQ(agent_.of(1).output, all);
    EXPECT_EQ(agent_.of(1).errors, all);
}

TEST_F(AgentExec, NoFramesFollowTheClosedFrameOfAStream) {
    agent_.run(1, "echo x");
    agent_.wait_for_closed(1);
    EXPECT_TRUE(agent_.of(1).process);
}

TEST_F(AgentExec, AStreamNumberCanBeReusedAfterItsClosedFrame) {
    agent_.run(1, "echo first");
    agent_.wait_for_closed(1);
    agent_.of(1) = {};
    EXPECT_EQ(agent_.run(1, "echo second").output, "second\n");
}

TEST_F(AgentExec, TwoHundredCommandsRunConcurrently) {
    constexpr std::uint32_t count = 200;
    for (std::uint32_t stream = 1; stream <= count; ++stream)
        agent_.exec(stream, "cat; echo " + std::to_string(stream), {.flags = Exec::with_input});
    agent_.wait_until([&] { return agent_.of(count).process.has_value(); });
    for (std::uint32_t stream = 1; stream <= count; ++stream) agent_.send(Type::input_end, stream);
    for (std::uint32_t stream = 1; stream <= count; ++stream) {
        agent_.wait_for_exit(stream);
        EXPECT_EQ(agent_.of(stream).output, std::to_string(stream) + "\n");
    }
}

TEST_F(AgentExec, AStrictScriptEndsAtItsFirstFailure) {
    ExecOptions strict{.flags = Exec::strict};
    EXPECT_EQ(agent_.run(1, "false; echo on", strict).output, "");
    EXPECT_EQ(agent_.of(1).status(), 1U);
    EXPECT_EQ(agent_.run(2, "false | true", strict).status(), 1U);
    EXPECT_NE(agent_.run(3, "echo $not_set", strict).status(), 0U);
    EXPECT_EQ(agent_.run(4, "false; echo on").output, "on\n");
}

TEST_F(AgentExec, CommandsRunInTheDirectoryOfTheAgent) {
    EXPECT_EQ(agent_.run(1, "pwd -P").output, std::filesystem::current_path().string() + "\n");
}

TEST(AgentExecution, CommandsHaveTheEnvironmentOfTheAgent) {
    RunningAgent agent({.environment = {"CHARIOTEER_TEST=a b"}});
    agent.greet();
    EXPECT_EQ(agent.run(1, "printenv CHARIOTEER_TEST").output, "a b\n");
}

TEST(AgentExecution, ShIsUsedWithoutBash) {
    auto folder = std::filesystem::temp_directory_path() / ("sh-only-" + std::to_string(getpid()));
    std::filesystem::create_directory(folder);
    std::filesystem::create_symlink("/bin/dash", folder / "sh");
    RunningAgent agent({.environment = {"PATH=/nowhere:" + folder.string()}});
    agent.greet();
    EXPECT_EQ(agent.run(1, "echo $0").output, "sh\n");
    EXPECT_EQ(agent.run(2, "false; echo on", {.flags = Exec::strict}).output, "");
    std::filesystem::remove_all(folder);
}

TEST(AgentExecution, WithoutAnyShellTheErrorIsReported) {
    RunningAgent agent({.environment = {"PATH=/nowhere"}});
    agent.greet();
    EXPECT_EQ(agent.run(1, "true").status(), 127U);
    EXPECT_EQ(agent.of(1).errors, "bash: command not found\n");
}

TEST_F(AgentExec, AScriptMayHaveTheLargestLengthOfLinux) {
    std::string line = "echo a long line of a script\n";
    std::string script;
    while (script.size() + line.size() < 128 * 1024) script += line;
    EXPECT_EQ(agent_.run(1, script).status(), 0U);
    EXPECT_EQ(agent_.of(1).output.size(), script.size() / line.size() * (line.size() - 5));
}

TEST_F(AgentExec, AScriptTooLongForLinuxFailsItself) {
    EXPECT_EQ(agent_.run(1, std::string(150 * 1024, ':')).status(), 126U);
    EXPECT_EQ(agent_.of(1).errors, "bash: Argument list too long\n");
}

TEST_F(AgentExec, AScriptLargerThanTheBufferIsRejected) {
    agent_.run(1, std::string(300 * 1024, ':'));
    ASSERT_TRUE(agent_.of(1).refused);
    EXPECT_THAT(*agent_.of(1).refused, HasSubstr("too long"));
    EXPECT_EQ(agent_.run(2, "echo on").output, "on\n");
}

TEST_F(AgentExec, AScriptWithANulIsRejectedInsteadOfTruncated) {
    agent_.run(1, {"echo a\0; echo b", 15});
    EXPECT_TRUE(agent_.of(1).refused);
}

TEST_F(AgentExec, AStreamInUseIsRejected) {
    agent_.exec(1, "cat", {.flags = Exec::with_input});
    agent_.run(1, "echo intruder");
    EXPECT_TRUE(agent_.of(1).refused);
    agent_.send(Type::input_end, 1);
    agent_.wait_until([&] { return agent_.of(1).exit.has_value(); });
    EXPECT_EQ(agent_.of(1).output, "");
}

TEST_F(AgentExec, StreamZeroAndATruncatedExecAreRejected) {
    agent_.exec(0, "echo on the line itself");
    agent_.send_text(Type::exec, 5, "short");
    agent_.synchronise();
    EXPECT_TRUE(agent_.of(0).refused);
    EXPECT_TRUE(agent_.of(5).refused);
}

TEST_F(AgentExec, FramesForUnknownStreamsAreIgnored) {
    agent_.send_text(Type::input, 9, "x");
    agent_.send(Type::input_end, 9);
    agent_.send(Type::signal, 9, frames::Signal{.number = SIGKILL});
    agent_.send(Type::resize, 9, frames::Resize{.rows = 1, .columns = 1});
    agent_.send(Type::credit, 9, frames::Credit{.bytes = 1});
    EXPECT_EQ(agent_.run(1, "true").status(), 0U);
}

TEST_F(AgentExec, WithoutOutputTheCommandWritesToDevNull) {
    agent_.run(1, "echo out; echo err >&2; readlink /proc/$$/fd/1 >&2", {.flags = Exec::no_output});
    EXPECT_EQ(agent_.of(1).output, "");
    EXPECT_EQ(agent_.of(1).errors, "err\n/dev/null\n");
}

}  // namespace
}  // namespace charioteer::agent
