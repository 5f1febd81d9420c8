// The agent of a guest that was saved and loaded.

#include "agent_fixture.hpp"
#include "port_link_fixture.hpp"

namespace charioteer::machine {
namespace {

using testing::HasSubstr;

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

TEST_F(LoadedMachine, AGuestThatWasSavedWithoutAnAgentUsesItsShell) {
    auto machine = load(without_agent, without_agent);
    run(machine->parts().saver->resume());
    EXPECT_EQ(execute(*machine, "echo shell").output, "shell\n");
}

}  // namespace
}  // namespace charioteer::machine
