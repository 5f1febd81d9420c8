// The agent of a guest that was saved and loaded.

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>

#include "agent_fixture.hpp"
#include "io/unique_fd.hpp"
#include "machine/reseed.hpp"
#include "port_link_fixture.hpp"

namespace charioteer::machine {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class SavedAgent : public PortLinkTest {
protected:
    void SetUp() override {
        auto expect = [](PortLink* link) -> asio::awaitable<void> {
            link->expect_saved_agent();
            co_return;
        };
        result_of(runtime_.start(expect(link_.get())));
        nonce_ = 77;
    }
    io::Pending<void> decide() { return runtime_.start(link_->until_decided()); }
};

TEST_F(SavedAgent, IsUsedWhenItHasAnswered) {
    auto decided = decide();
    send_event("RESUME");
    send_port_event(true);
    agree();
    reply(R"({"arch": "x86_64"})");
    result_of(decided);
    EXPECT_TRUE(link_->usable());
    result_of(decide());
}

TEST_F(SavedAgent, IsNotExpectedInAGuestWhosePortIsClosed) {
    auto decided = decide();
    send_event("RESUME");
    send_port_event(false);
    result_of(decided);
    EXPECT_FALSE(link_->usable());
}

TEST_F(SavedAgent, OfAnotherVersionIsNotUsed) {
    std::ofstream(directory_.path() / "charioteer-agent-x86_64") << "another program";
    auto decided = decide();
    send_port_event(true);
    agree();
    reply(R"({"arch": "x86_64"})");
    result_of(decided);
    EXPECT_FALSE(link_->usable());
}

TEST_F(SavedAgent, IsNotExpectedAfterAReboot) {
    auto decided = decide();
    send_event("RESET");
    result_of(decided);
}

TEST_F(SavedAgent, IsNotExpectedForEverAfterTheGuestWasContinued) {
    auto decided = decide();
    send_event("RESUME");
    pass(30s);
    result_of(decided);
}

TEST_F(SavedAgent, IsNotWaitedForInOtherGuests) {
    // It was expected until the port was closed.
    send_port_event(false);
    result_of(decide());
    result_of(decide());
}

/// A machine that was loaded from the state of another one.
class LoadedMachine : public AgentTest {
protected:
    std::shared_ptr<Machine> load(const std::string& saved, const std::string& loaded) {
        auto file = directory_.path() / "state";
        auto first = connected(saved);
        before_ = arguments_of_agent(*first);
        run(first->parts().saver->pause());
        run(first->parts().saver->save(file));
        run(first->release());
        auto second = make(loaded);
        run(second->load_state(file, options()));
        return second;
    }
    /// The command line of the agent has its nonce.
    std::string arguments_of_agent(Machine& machine) {
        return execute(machine, "tr '\\0' ' ' </proc/$PPID/cmdline").output;
    }
    void reseed(Machine& machine) {
        run(machine::reseed(machine.parts().context, machine.parts().agent));
    }
    /// Whether the kernel, which is this host's, lets the agent renew its random numbers.
    static bool may_reseed() {
        io::UniqueFd device(::open("/dev/urandom", O_RDONLY | O_CLOEXEC));
        return ::ioctl(device.get(), RNDRESEEDCRNG) == 0;
    }
    std::string before_;
};

TEST_F(LoadedMachine, TheFirstCommandRunsInTheAgentThatWasSaved) {
    auto machine = load(with_agent, with_agent);
    run(machine->parts().saver->resume());
    auto nonce = [](const std::string& words) {
        return words.substr(words.rfind(' ', words.size() - 2));
    };
    EXPECT_EQ(nonce(arguments_of_agent(*machine)), nonce(before_));
}

TEST_F(LoadedMachine, ACommandOfAPausedGuestWaitsUntilItIsContinued) {
    auto machine = load(with_agent, with_agent);
    auto command = runtime_.start(machine->parts().runner->run({.text = "echo answered"}));
    run(machine->parts().saver->resume());
    EXPECT_EQ(command.get().output, "answered\n");
}

TEST_F(LoadedMachine, ACommandOfAPausedGuestFailsWhenQemuEnds) {
    auto machine = load(with_agent, with_agent);
    auto command = runtime_.start(machine->parts().runner->run({.text = "echo answered"}));
    run(machine->crash());
    auto failure = failure_of<ShellError>([&] { command.get(); });
    EXPECT_THAT(failure.what(), HasSubstr("web"));
}

TEST_F(LoadedMachine, ItsKernelGetsRandomNumbersOrTheReasonIsLogged) {
    auto machine = load(with_agent, with_agent);
    run(machine->parts().saver->resume());
    auto moved = [&] { return machine->parts().qemu_agent->moved_bytes(); };
    execute(*machine, "true");
    auto before = run_on_io(moved);
    reseed(*machine);
    EXPECT_GT(run_on_io(moved), before + 64);
    auto logged = Contains(HasSubstr("the random numbers of the guest's kernel were not renewed"));
    if (may_reseed())
        EXPECT_THAT(events(), Not(logged));
    else
        EXPECT_THAT(events(), logged);
}

TEST_F(LoadedMachine, RandomNumbersNeedAnAgent) {
    auto machine = load(without_agent, without_agent);
    run(machine->parts().saver->resume());
    reseed(*machine);
    EXPECT_THAT(events(), Not(Contains(HasSubstr("were not renewed"))));
    EXPECT_EQ(execute(*machine, "echo shell").output, "shell\n");
}

TEST_F(LoadedMachine, AGuestThatEndsBeforeItIsContinuedGetsNoRandomNumbers) {
    auto machine = load(with_agent, with_agent);
    auto operation =
        runtime_.start(machine::reseed(machine->parts().context, machine->parts().agent));
    run(machine->crash());
    operation.get();
}

TEST_F(LoadedMachine, ThatIsOffLogsWhyItGetsNoRandomNumbers) {
    reseed(*make(with_agent));
    EXPECT_THAT(events(), Contains(HasSubstr("were not renewed: web is not running")));
}

TEST_F(LoadedMachine, AGuestThatWasSavedWithoutAnAgentUsesItsShell) {
    auto machine = load(without_agent, without_agent);
    run(machine->parts().saver->resume());
    EXPECT_EQ(execute(*machine, "echo shell").output, "shell\n");
}

}  // namespace
}  // namespace charioteer::machine
