// Calls whose limits pass. The guest's processes are real; the driver's clock is manual, and no
// test depends on real time.

#include <sys/types.h>

#include <csignal>
#include <fstream>

#include "fakes/manual_time.hpp"
#include "unit/machine/agent_fixture.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

/// Outlives the runtime, whose coroutines may still sleep at the end.
struct Clock {
    fakes::ManualTime time_;
};

class LimitsTest : protected Clock, public AgentTest {
protected:
    void SetUp() override {
        AgentTest::SetUp();
        host_ = std::make_shared<Host>(runtime_.executor(), time_);
    }
    /// Advances the clock until the operation has ended; returns by how much. A second passes in
    /// `step` of real time. After the grace period it passes slowly, since only the reply to the
    /// query of QEMU's state is missing then, which on a busy host takes longer than a few fast
    /// steps.
    template <class T>
    io::Duration pass_until_end(const io::Pending<T>& pending, std::chrono::milliseconds step) {
        auto begin = time_.now();
        auto late = begin + 5s + command::grace;
        while (!pending.wait_for(time_.now() <= late ? step : 5000ms)) time_.advance(1s);
        return time_.now() - begin;
    }
    io::Pending<Outcome> begin_command(Machine& machine, std::string text, io::Duration limit) {
        Command command{.text = std::move(text),
                        .limit = Limit{limit, fmt::format("{:g}", io::seconds(limit))}};
        return runtime_.start(machine.parts().runner->run(std::move(command)));
    }
    /// Kills the agent by a command. Meanwhile the clock stands still: on a busy host the agent
    /// would seem to be silent otherwise, and answer the next call before it is killed.
    void kill_agent(Machine& machine) {
        auto file = directory_.path() / "agent-pid";
        auto text = fmt::format("echo $PPID > {}; kill -9 $PPID", file.native());
        auto killed = runtime_.start(machine.parts().runner->run({.text = std::move(text)}));
        for (pid_t agent = 0; agent == 0 || ::kill(agent, 0) == 0; std::this_thread::yield())
            std::ifstream(file) >> agent;
        // Slowly: the time in which the next agent has to start has begun, and is to last longer
        // than two calls of a test, also when a busy host notices the end of this one late.
        pass_until_end(killed, 100ms);
        EXPECT_THROW(killed.get(), ShellError);
    }
    /// The failure of a call with a limit of 5 s, which must occur within the grace period.
    template <class T>
    ShellError late_failure_of(io::Pending<T> pending) {
        // The query of QEMU's state, and a few steps of the clock.
        EXPECT_LE(pass_until_end(pending, 5ms), 5s + command::grace + 10s);
        return failure_of<ShellError>([&] { pending.get(); });
    }
};

TEST_F(LimitsTest, AGuestThatStopsRespondingIsAbandoned) {
    auto machine = connected(with_agent);
    auto failure = late_failure_of(begin_command(*machine, "kill -STOP $PPID", 5s));
    EXPECT_THAT(all_notes(failure), HasSubstr("while running `kill -STOP $PPID` (limit 5 s, and 60 "
                                              "s more for the driver), for "));
}

TEST_F(LimitsTest, AGuestThatAnswersIsWaitedForBeyondTheLimit) {
    auto machine = connected(with_agent);
    auto pending = begin_command(*machine, "echo begun >&2; sleep 0.5; echo done", 1000s);
    while (!testing::Value(events(), Contains("begun"))) std::this_thread::yield();
    time_.advance(1000s + command::grace);
    // The clock is not advanced: the guest answers immediately.
    EXPECT_EQ(pending.get().output, "done\n");
}

TEST_F(LimitsTest, AShellThatDoesNotAnswerIsAbandoned) {
    ::setenv("CHARIOTEER_CHANNEL", "plain", 1);
    auto machine = connected(fmt::format("env FAKE_QEMU_MODE=ignore-commands {}", plain));
    auto failure = late_failure_of(begin_command(*machine, "true", 5s));
    EXPECT_THAT(failure.what(), HasSubstr("the guest did not answer within 65 s"));
    EXPECT_THAT(all_notes(failure), HasSubstr("QEMU's state of the guest: "));
}

TEST_F(LimitsTest, ACommandBehindAnotherTimesOutAndTheReasonIsLogged) {
    ::setenv("CHARIOTEER_CHANNEL", "plain", 1);
    auto machine = connected(fmt::format("env FAKE_QEMU_MODE=ignore-commands {}", plain));
    auto first = runtime_.start(machine->parts().runner->run({.text = "sleep 1000"}));
    auto failure = late_failure_of(begin_command(*machine, "true", 5s));
    EXPECT_THAT(failure.what(), HasSubstr("an earlier command kept the guest's root shell"));
    EXPECT_THAT(events(), Contains(HasSubstr("waiting for the guest's root shell")));
    first.cancel();
    EXPECT_THROW(first.get(), io::Interrupted);
}

TEST_F(LimitsTest, AnAgentThatDoesNotStartInTimeIsStartedByTheNextCall) {
    auto machine = connected(fmt::format("env FAKE_QEMU_MODE=one-agent {}", with_agent));
    kill_agent(*machine);
    for (int call = 0; call < 2; ++call) {
        auto failure = late_failure_of(begin_command(*machine, "true", 5s));
        EXPECT_THAT(failure.what(), HasSubstr("the agent did not start in the guest within 65 s"));
    }
    EXPECT_THAT(events(), Contains(HasSubstr("waiting for the agent to start in the guest")));
    EXPECT_THAT(events(), testing::Not(Contains(HasSubstr("its root shell serves"))));
}

TEST_F(LimitsTest, AWaitInASilentGuestEnds) {
    auto machine = connected(with_agent);
    CommandWait wait{"kill -STOP $PPID", true, Limit{5s, "5"}, CommandWait::Kind::probe};
    late_failure_of(runtime_.start(machine->parts().waiter->wait(wait)));
}

TEST_F(LimitsTest, AWaitInAGuestWhoseAgentCannotBeRestartedEnds) {
    auto machine = connected(fmt::format("env FAKE_QEMU_MODE=one-agent {}", with_agent));
    kill_agent(*machine);
    CommandWait wait{"true", true, Limit{5s, "5"}};
    auto failure = late_failure_of(runtime_.start(machine->parts().waiter->wait(wait)));
    EXPECT_THAT(failure.what(), HasSubstr("within 65 s"));
    auto waiting =
        runtime_.start(machine->parts().units->wait_until_active("u", {}, Limit{5s, "5"}));
    EXPECT_THAT(late_failure_of(waiting).what(), HasSubstr("within 65 s"));
}

TEST_F(LimitsTest, ASpawnedCommandOfASilentGuestIsAbandoned) {
    auto machine = connected(with_agent);
    Command command;
    command.text = "kill -STOP $PPID";
    command.limit = Limit{5s, "5"};
    auto process = run(begin(*machine, std::move(command)));
    late_failure_of(runtime_.start(process->next(io::Deadline::never())));
    run_on_io([&] {
        process.reset();
        return 0;
    });
}

TEST_F(LimitsTest, AScreenshotThatQemuDoesNotMakeEndsAtTheCallersDeadline) {
    ::setenv("CHARIOTEER_CHANNEL", "plain", 1);
    auto machine = connected(fmt::format("env FAKE_QEMU_MODE=no-screendump {}", plain));
    auto deadline = time_.deadline_after(5s + command::grace);
    auto pending = runtime_.start(machine->parts().screen->picture(deadline));
    EXPECT_LE(pass_until_end(pending, 5ms), 5s + command::grace + 5s);
    auto failure = failure_of<io::TimeoutError>([&] { pending.get(); });
    EXPECT_THAT(failure.what(), HasSubstr("web: QEMU did not answer screendump within 65 s"));
}

TEST_F(LimitsTest, AProbeThatTimedOutHasNoResult) {
    auto machine = connected(with_agent);
    CommandWait wait{"exit 124", false, Limit{0s, "0"}, CommandWait::Kind::probe};
    auto failure = failure_of<RequestFailed>([&] { run(machine->parts().waiter->wait(wait)); });
    EXPECT_THAT(failure.what(), HasSubstr("action timed out after "));
    EXPECT_THAT(all_notes(failure), HasSubstr("the last try of `exit 124` has had no answer for "));
}

TEST_F(LimitsTest, AnAttemptThatTimedOutHasFailed) {
    auto machine = connected(with_agent);
    CommandWait wait{"exit 124", false, Limit{0s, "0"}};
    EXPECT_EQ(run(machine->parts().waiter->wait(wait)), "");
}

TEST(ProbeLimit, IsThatOfUpstreamAndIsShortAfterTheEndOfTheWait) {
    EXPECT_EQ(command::probe_limit(3600s).text, "900");
    EXPECT_EQ(command::probe_limit(800s).text, "900");
    EXPECT_EQ(command::probe_limit(1500ms).text, "152");
    EXPECT_EQ(command::probe_limit(-5s).text, "150");
    EXPECT_EQ(command::probe_limit(-5s).duration, 150s);
}

}  // namespace
}  // namespace charioteer::machine
