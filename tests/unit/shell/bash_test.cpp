// The protocol with a real bash on this host, which reads commands like that of a guest.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "fakes/temporary_directory.hpp"
#include "unit/shell/session_fixture.hpp"

namespace charioteer::shell {
namespace {

using fakes::result_of;
using namespace std::chrono_literals;

class Bash : public SessionTest {
protected:
    Bash() {
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, peer_.descriptor(), 0);
        posix_spawn_file_actions_adddup2(&files, peer_.descriptor(), 1);
        std::string script = "echo 'Spawning backdoor root shell...'; PS1= exec bash --norc";
        std::string name = "bash";
        std::string option = "-c";
        char* arguments[] = {name.data(), option.data(), script.data(), nullptr};
        if (::posix_spawnp(&pid_, "bash", &files, nullptr, arguments, environ) != 0)
            throw std::runtime_error("there is no bash");
        posix_spawn_file_actions_destroy(&files);
        peer_.close();
        result_of(start_waiting());
    }
    ~Bash() override {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    /// Returns the status.
    int append(std::string bytes, std::string file) {
        auto appended = session_->append(std::move(bytes), std::move(file), io::Deadline::never());
        return result_of(runtime_.start(std::move(appended))).status;
    }
    /// The output of a command that is cut off at its limit, which contains `expected`. On a busy
    /// host the command may not have begun at the end of the first limits.
    std::string cut_off(const std::string& text, std::string_view expected) {
        std::string output;
        for (auto limit = 200ms; limit < 60s; limit *= 4) {
            command::Command command{.text = text};
            command.limit = command::Limit{limit, fmt::format("{:g}", io::seconds(limit))};
            auto result = result_of(start(std::move(command)));
            EXPECT_EQ(result.status, 124);
            output = std::move(result.output);
            if (output.find(expected) != std::string::npos) break;
        }
        return output;
    }
    /// Makes the root shell itself run a line.
    void run_in_shell(const std::string& line) {
        result_of(runtime_.start(session_->send_raw(line + "\n", io::Deadline::never())));
    }

    pid_t pid_ = 0;
};

TEST_F(Bash, ReturnsStatusAndOutput) {
    auto result = run("echo hello; exit 42");
    EXPECT_EQ(result.status, 42);
    EXPECT_EQ(result.output, "hello\n");
}

TEST_F(Bash, AppendsAnyBytesToAFile) {
    fakes::TemporaryDirectory directory;
    auto file = (directory.path() / "file").string();
    std::string bytes;
    for (int i = 0; i < 1'000'000; ++i) bytes.push_back(static_cast<char>(i * 31 + i / 256));
    for (std::size_t at = 0; at < bytes.size(); at += longest_append)
        EXPECT_EQ(append(bytes.substr(at, longest_append), file), 0);
    EXPECT_TRUE(run("cat " + file).output == bytes);
}

TEST_F(Bash, IsUsableAfterBytesThatCouldNotBeAppended) {
    std::string bytes(longest_append, 'x');
    EXPECT_NE(append(bytes, "/does/not/exist"), 0);
    EXPECT_NE(append(bytes, "/dev/full"), 0);
    EXPECT_EQ(run("echo next").output, "next\n");
    // The programs that read the bytes cannot be started.
    run_in_shell("old=$PATH PATH=/nowhere");
    EXPECT_NE(append("echo wrong", "/dev/null"), 0);
    run_in_shell("PATH=$old");
    EXPECT_EQ(run("echo next").output, "next\n");
}

TEST_F(Bash, StopsAtTheFirstFailureAndInPipes) {
    EXPECT_EQ(run("false; echo not reached").output, "");
    EXPECT_EQ(run("(exit 3) | cat").status, 3);
    EXPECT_NE(run("exec 2>/dev/null; echo $no_such_variable").status, 0);
}

TEST_F(Bash, AcceptsQuotesAndSeveralLines) {
    EXPECT_EQ(run("echo 'it'\"'\"'s'\ncat <<X\n$((1 + 1)) \"two\"\nX").output, "it's\n2 \"two\"\n");
}

TEST_F(Bash, OutputMayHaveAnyBytes) {
    EXPECT_EQ(run("printf '\\0\\377\\n#1:0\\n\\r'").output, std::string("\0\xff\n#1:0\n\r", 9));
}

TEST_F(Bash, ACommandThatReadsGetsAnEmptyInput) {
    EXPECT_EQ(run("cat; read line || echo end").output, "end\n");
    EXPECT_EQ(run("echo next").output, "next\n");
}

TEST_F(Bash, ACommandThatExceedsItsLimitHasStatus124) {
    EXPECT_EQ(cut_off("echo begun; sleep 600", "begun\n"), "begun\n");
}

TEST_F(Bash, ALimitEndsCommandsWithMuchOutputOrWithClosedOutput) {
    auto output = cut_off("seq 1000; exec >/dev/null; sleep 600", "\n1000\n");
    EXPECT_TRUE(output.ends_with("\n999\n1000\n")) << output;
    EXPECT_EQ(cut_off("exec sleep 600 >/dev/null 2>&1", ""), "");
    EXPECT_EQ(cut_off("trap 'echo terminated; exit 7' TERM; sleep 600 & wait", "terminated\n"),
              "terminated\n");
    EXPECT_EQ(run("echo next").output, "next\n");
}

TEST_F(Bash, ALimitDoesNotApplyToChildrenThatKeepTheOutputOpen) {
    command::Command command;
    command.limit = command::Limit{1s, "1"};
    command.text = "(sleep 1.5; echo late) & exit 3";
    auto result = result_of(start(command));
    EXPECT_EQ(result.status, 3);
    EXPECT_EQ(result.output, "late\n");
    command.text = "(sleep 1.5; echo late) & seq 1000; exit 3";
    result = result_of(start(command));
    EXPECT_EQ(result.status, 3);
    EXPECT_TRUE(result.output.ends_with("\n1000\nlate\n"));
    command.text = "setsid sh -c 'sleep 1.5; echo late' & echo early; sleep 600";
    result = result_of(start(command));
    EXPECT_EQ(result.status, 124);
    EXPECT_EQ(result.output, "early\nlate\n");
}

TEST_F(Bash, HoldersThatAreSilentForTheirLimitAreAbandonedAndNamed) {
    std::vector<Holders> held;
    session_->on_holders([&](const std::string& text, const Holders& holders) {
        EXPECT_TRUE(text.starts_with("(trap"));
        held.push_back(holders);
    });
    auto mark = "/tmp/charioteer-bash-test-" + std::to_string(pid_);
    command::Command command;
    command.limit = command::Limit{1s, "1"};
    session_->limit_holders(1s);
    command.text = "(trap 'echo late; touch " + mark +
                   "; exit' USR1; while :; do sleep 0.1; done) & echo $!; exit 3";
    auto result = result_of(start(command));
    EXPECT_EQ(result.status, 3);
    ASSERT_EQ(held.size(), 1U);
    EXPECT_TRUE(held[0].given_up);
    EXPECT_NE(held[0].names.find("(pid " + result.output.substr(0, result.output.size() - 1) + ")"),
              std::string::npos);
    // The pipe of the holders is not closed.
    EXPECT_EQ(run("kill -USR1 " + result.output).status, 0);
    EXPECT_EQ(run("until [ -e " + mark + " ]; do sleep 0.01; done; rm " + mark).status, 0);
}

TEST_F(Bash, HoldersOfStandardErrorAreNotWaitedFor) {
    auto result = run("sleep 600 >&2 & echo $!; exit 3");
    EXPECT_EQ(result.status, 3);
    EXPECT_EQ(::kill(static_cast<pid_t>(std::stol(result.output)), SIGKILL), 0);
}

TEST_F(Bash, OutputOfEveryLengthIsComplete) {
    for (std::size_t size : {1U, 511U, 512U, 513U, 1024U, 70'000U}) {
        auto count = std::to_string(size);
        EXPECT_EQ(run("head -c " + count + " /dev/zero").output, std::string(size, '\0'));
        EXPECT_EQ(run("head -c " + count + " /dev/zero | tr '\\0' \"'\"").output,
                  std::string(size, '\''));
    }
}

TEST_F(Bash, EveryByteIsTransferredUnchanged) {
    std::string all;
    for (int byte = 255; byte >= 0; --byte) all.push_back(static_cast<char>(byte));
    EXPECT_EQ(run("for b in {255..0}; do printf \"\\\\$(printf %o $b)\"; done").output, all);
    EXPECT_EQ(run("printf '~#*?[\\\\!{}()<>|&; a=b'").output, "~#*?[\\!{}()<>|&; a=b");
}

TEST_F(Bash, CommandsDoNotShareState) {
    run("cd /; export KEPT=1");
    EXPECT_EQ(run("echo ${KEPT-no}").output, "no\n");
}

TEST_F(Bash, TheAnswerWaitsForAChildThatKeepsTheOutputOpen) {
    // The child ends when a file appears: the test does not depend on durations.
    auto name = "/tmp/charioteer-bash-test-" + std::to_string(pid_);
    auto command = start("rm -f " + name + "; (until [ -e " + name +
                         " ]; do sleep 0.01; done; rm " + name + "; echo late) & echo now");
    auto other = start("echo other");
    EXPECT_FALSE(command.wait_for(std::chrono::milliseconds(0)));
    ::close(::creat(name.c_str(), 0600));
    // The file may have been created before the command removed it.
    while (!command.wait_for(std::chrono::milliseconds(20))) ::close(::creat(name.c_str(), 0600));
    auto result = result_of(command);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.output, "now\nlate\n");
    EXPECT_EQ(result_of(other).output, "other\n");
    ::unlink(name.c_str());
}

TEST_F(Bash, ADaemonWithoutTheOutputDoesNotDelayTheAnswer) {
    auto result = run("sleep 600 >/dev/null 2>&1 & echo $!");
    EXPECT_EQ(result.status, 0);
    ::kill(static_cast<pid_t>(std::stol(result.output)), SIGKILL);
}

TEST_F(Bash, AcceptsTheLongestCommandAndALongOutput) {
    auto longest = 128 * 1024 - 1 - std::string_view("set -euo pipefail; : ").size();
    EXPECT_EQ(run(": " + std::string(longest, 'x')).status, 0);
    constexpr std::size_t size = 32 * 1024 * 1024;
    auto result = run("head -c " + std::to_string(size) + " /dev/zero");
    EXPECT_EQ(result.output.size(), size);
    EXPECT_EQ(result.output.find_first_not_of('\0'), std::string::npos);
}

TEST_F(Bash, TheEndOfTheShellIsALostConnection) {
    // Short, since it outlives the shell if it has been started, and ctest waits for its end.
    auto command = start("sleep 1");
    ::kill(pid_, SIGKILL);
    EXPECT_THROW(run("echo"), io::ConnectionLost);
    command.cancel();
}

}  // namespace
}  // namespace charioteer::shell
