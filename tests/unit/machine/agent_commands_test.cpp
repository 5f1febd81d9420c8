// Commands that a machine runs by the agent, which runs on this host.

#include <sys/stat.h>

#include <fstream>

#include "unit/machine/agent_fixture.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

using AgentCommandsTest = AgentTest;

TEST_F(AgentCommandsTest, CommandsGoThroughTheAgent) {
    auto machine = connected(with_agent);
    auto outcome = run_all(*machine, "tr '\\0' ' ' </proc/$PPID/cmdline; echo oh >&2; exit 3");
    EXPECT_THAT(outcome.output, testing::MatchesRegex("/[^ ]* [0-9]+ [0-9a-f]+ "));
    EXPECT_EQ(outcome.errors, "oh\n");
    EXPECT_EQ(outcome.status, 3);
    EXPECT_THAT(events(), Contains("oh"));
    EXPECT_EQ(execute(*machine, "echo hello").output, "hello\n");
    EXPECT_THAT(events(), testing::Not(Contains(HasSubstr("the agent does not run"))));
}

TEST_F(AgentCommandsTest, WithoutAnAgentTheRootShellIsUsedAndTheReasonIsLoggedOnce) {
    auto machine = connected(without_agent);
    EXPECT_EQ(execute(*machine, "echo hello").output, "hello\n");
    EXPECT_EQ(execute(*machine, "echo again").output, "again\n");
    auto all = events();
    EXPECT_EQ(std::count_if(all.begin(), all.end(),
                            [](const auto& text) {
                                return text.find("it has no port charioteer.agent") !=
                                       std::string::npos;
                            }),
              1);
    Command with_input;
    with_input.input = "text";
    auto failure = failure_of<ShellError>([&] { run_all(*machine, "cat", with_input); });
    EXPECT_THAT(failure.what(), HasSubstr("it has no port"));
}

TEST_F(AgentCommandsTest, GuestAgentReturnsTheAgentOrTheReason) {
    ::setenv("CHARIOTEER_CHANNEL", "agent", 1);
    auto machine = make(without_agent);
    auto failure = failure_of<ShellError>([&] { run(machine->connect(options())); });
    EXPECT_THAT(failure.what(), HasSubstr("it has no port charioteer.agent"));
    auto again = failure_of<ShellError>([&] { execute(*machine, "true"); });
    EXPECT_THAT(again.what(), HasSubstr("it has no port charioteer.agent"));
    EXPECT_THROW(parse_channel_mode("nonsense"), io::UsageError);
}

TEST_F(AgentCommandsTest, ASlowFileSystemDoesNotBlockOtherOperations) {
    // Opening a pipe for reading waits for its writer.
    auto folder = directory_.path() / "agents";
    std::filesystem::create_directory(folder);
    auto program = folder / "charioteer-agent-x86_64";
    ASSERT_EQ(::mkfifo(program.c_str(), 0600), 0);
    ::setenv("CHARIOTEER_AGENT_DIRECTORY", folder.c_str(), 1);
    auto machine = make(with_agent);
    auto connecting = runtime_.start(machine->connect(options()));
    while (!testing::Value(events(), Contains("connected to guest root shell")))
        std::this_thread::yield();
    // A blocked io thread could complete neither this nor the connect.
    EXPECT_FALSE(run_on_io([&] { return machine->parts().agent->usable() != nullptr; }));
    EXPECT_FALSE(connecting.wait_for(0s));
    std::ifstream real(std::filesystem::path(fakes::agent_directory) / "charioteer-agent-x86_64",
                       std::ios::binary);
    std::ofstream(program, std::ios::binary) << real.rdbuf();
    connecting.get();
    EXPECT_TRUE(run_on_io([&] { return machine->parts().agent->usable() != nullptr; }));
}

TEST_F(AgentCommandsTest, PassesInputAndEnforcesLimits) {
    auto machine = connected(with_agent);
    Command with_input;
    with_input.input = std::string(1'000'000, 'x');
    EXPECT_EQ(run_all(*machine, "wc -c", with_input).output, "1000000\n");
    Command limited;
    limited.limit = Limit{50ms, "0.05"};
    EXPECT_EQ(run_all(*machine, "sleep 60", limited).status, 124);
}

TEST_F(AgentCommandsTest, ACommandWithoutOutputIsNotWaitedFor) {
    auto machine = connected(with_agent);
    Command unwanted{.text = "sleep 0.1; echo done >&2", .want_output = false};
    auto result = run(machine->parts().runner->run(std::move(unwanted)));
    EXPECT_EQ(result.status, -2);
    while (!testing::Value(events(), Contains("done"))) std::this_thread::yield();
}

TEST_F(AgentCommandsTest, ACommandEndsWithTheLastHolderOfItsOutput) {
    auto machine = connected(with_agent);
    EXPECT_EQ(execute(*machine, "(sleep 0.1; echo late) & echo early").output, "early\nlate\n");
    EXPECT_EQ(run_all(*machine, "sleep 60 >&2 & exit 3").status, 3);
    EXPECT_THAT(events(), testing::Not(Contains(HasSubstr("still has its stdout open"))));
}

TEST_F(AgentCommandsTest, HoldersThatAreSilentForTheirLimitAreAbandonedWithAWarning) {
    ::setenv("CHARIOTEER_OUTPUT_HOLDER_LIMIT", "1", 1);
    auto machine = connected(with_agent);
    ::unsetenv("CHARIOTEER_OUTPUT_HOLDER_LIMIT");
    EXPECT_EQ(run_all(*machine, "echo begun; sleep 60 & exit 0").output, "begun\n");
    EXPECT_THAT(events(), Contains(testing::ContainsRegex(
                              "^`echo begun; sleep 60 & exit 0` has ended, but sleep \\(pid "
                              "[0-9]+\\) still has its stdout open and nothing was written to it "
                              "for 1 s; ")));
}

TEST_F(AgentCommandsTest, AnAgentThatIsKilledIsNamedAndReplaced) {
    auto machine = connected(with_agent);
    auto failure = failure_of<ShellError>(
        [&] { execute(*machine, "echo last >&2; sleep 0.2; kill -9 $PPID; sleep 60"); });
    EXPECT_THAT(failure.what(), HasSubstr("the agent in the guest ended"));
    EXPECT_THAT(all_notes(failure), HasSubstr("while running `echo last"));
    EXPECT_THAT(all_notes(failure), HasSubstr("last"));
    EXPECT_THAT(execute(*machine, "tr '\\0' ' ' </proc/$PPID/cmdline").output,
                testing::MatchesRegex("/[^ ]* [0-9]+ [0-9a-f]+ "));
}

TEST_F(AgentCommandsTest, InputThatAKilledAgentDidNotReadDoesNotReachTheNext) {
    auto machine = connected(with_agent);
    Command with_input;
    with_input.input = std::string(1'000'000, 'x');
    EXPECT_THROW(run_all(*machine, "kill -STOP $PPID; sleep 0.3; kill -9 $PPID", with_input),
                 ShellError);
    EXPECT_EQ(run_all(*machine, "cat", with_input).output.size(), 1'000'000u);
}

TEST_F(AgentCommandsTest, AStartOfTheAgentThatIsCancelledImmediatelyDoesNotBlockTheNext) {
    auto machine = connected(with_agent);
    EXPECT_THROW(execute(*machine, "kill -9 $PPID; sleep 60"), ShellError);
    auto agent = machine->parts().qemu_agent;
    auto past = runtime_.time().deadline_after(0s);
    EXPECT_THROW(run(agent->start(60s, past)), io::TimeoutError);
    EXPECT_EQ(execute(*machine, "echo back").output, "back\n");
    EXPECT_NE(run_on_io([&] { return agent->usable(); }), nullptr);
}

TEST_F(AgentCommandsTest, AStartThatOneCallCancelsContinuesForTheOthers) {
    auto machine = connected(with_agent);
    EXPECT_THROW(execute(*machine, "kill -9 $PPID; sleep 60"), ShellError);
    auto agent = machine->parts().qemu_agent;
    auto past = runtime_.time().deadline_after(0s);
    auto given_up = runtime_.start(agent->start(60s, past));
    auto waiting = runtime_.start(agent->ready(io::Deadline::never()));
    EXPECT_THROW(given_up.get(), io::TimeoutError);
    EXPECT_NE(waiting.get(), nullptr);
}

TEST_F(AgentCommandsTest, ASpawnedCommandReturnsItsOutputUntilTheEndOfQemu) {
    auto machine = connected(with_agent);
    Command command;
    command.text = "echo one; sleep 60";
    auto process = run(begin(*machine, std::move(command)));
    EXPECT_EQ(run(process->next(io::Deadline::never()))->bytes, "one\n");
    auto soon = runtime_.time().deadline_after(10ms);
    EXPECT_THROW(run(process->next(soon)), io::TimeoutError);
    auto waiting = runtime_.start(process->next(io::Deadline::never()));
    machine->process()->kill();
    auto failure = failure_of<ShellError>([&] { waiting.get(); });
    auto write_failure = failure_of<ShellError>([&] { run(process->write("input")); });
    for (const auto& each : {failure, write_failure}) {
        EXPECT_THAT(each.what(), testing::StartsWith("web: "));
        EXPECT_THAT(all_notes(each), HasSubstr("while running `echo one; sleep 60`, for "));
    }
    run_on_io([&] {
        process.reset();
        return 0;
    });
}

}  // namespace
}  // namespace charioteer::machine
