// A machine's start, end and state on disk.

#include <fstream>
#include <thread>

#include "machine_fixture.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

TEST_F(MachineTest, ConcurrentStartsStartOnce) {
    auto machine = make(plain);
    auto first = runtime_.start(machine->start(options()));
    auto second = runtime_.start(machine->start(options()));
    first.get();
    second.get();
    auto all = events();
    EXPECT_EQ(std::count(all.begin(), all.end(), "starting vm"), 1);
}

TEST_F(MachineTest, PowersOffAndStartsAgainWithItsState) {
    auto machine = make(plain);
    run(machine->connect(options()));
    execute(*machine, "echo kept > $TMPDIR/file");
    run(machine->power_off());
    run(machine->wait_for_shutdown(io::Deadline::never()));
    EXPECT_FALSE(machine->booted);
    EXPECT_FALSE(machine->connected);
    run(machine->connect(options()));
    EXPECT_EQ(execute(*machine, "cat $TMPDIR/file").output, "kept\n");
}

TEST_F(MachineTest, LogsWhyQemuHasEnded) {
    auto machine = make(plain);
    run(machine->connect(options()));
    auto command = runtime_.start(machine->parts().runner->run({.text = "sleep 1000"}));
    run(machine->parts().monitor->qmp("quit", {}));
    auto reason = "QEMU ended with status 0: its monitor received the command quit";
    auto lost = failure_of<ShellError>([&] { command.get(); });
    EXPECT_THAT(lost.what(), HasSubstr(reason));
    run(machine->wait_for_shutdown(io::Deadline::never()));
    EXPECT_THAT(events(), Contains(HasSubstr(reason)));
}

TEST_F(MachineTest, CrashEndsAQemuThatIgnoresSigterm) {
    for (auto command : {plain, "env FAKE_QEMU_MODE=ignore-exit " + plain}) {
        auto machine = make(command);
        run(machine->start(options()));
        if (command == plain) run(machine->crash());
        run(machine->release());
        EXPECT_FALSE(machine->booted);
    }
}

TEST_F(MachineTest, ReleaseLeavesNoSocketAndNoLock) {
    auto machine = make(plain);
    run(machine->start(options()));
    auto state = machine->config().state_directory;
    EXPECT_TRUE(std::filesystem::exists(state / "qmp"));
    run(machine->release());
    run(machine->release());
    EXPECT_FALSE(std::filesystem::exists(state));
}

TEST_F(MachineTest, AStateDirectoryInUseIsRejectedWithNameAndPid) {
    auto machine = make(plain);
    auto refused = failure_of<io::UsageError>([&] { make(plain); });
    EXPECT_THAT(refused.what(), HasSubstr("vm-state-web"));
    EXPECT_THAT(refused.what(), HasSubstr(std::to_string(::getpid())));
}

TEST_F(MachineTest, AStateDirectoryOfAMachineThatIsOffCanBeReused) {
    auto first = make(plain);
    run(first->start(options()));
    auto refused = failure_of<io::UsageError>([&] { run(first->yield_directory()); });
    EXPECT_THAT(refused.what(), HasSubstr("web is running"));
    run(first->crash());
    run(first->yield_directory());
    auto second = make(plain, true);
    run(second->start(options()));
    EXPECT_THROW(first->claim_directory(), io::UsageError);
    run(second->crash());
    run(second->yield_directory());
    first->claim_directory();
    run(first->connect(options()));
    EXPECT_EQ(execute(*first, "echo back").output, "back\n");
}

TEST_F(MachineTest, PoweringOffAnEndedMachineIsNotAnError) {
    auto machine = make(plain);
    run(machine->connect(options()));
    auto child = run_on_io([machine] { return machine->process(); });
    run_on_io([child] { child->kill(); });
    run(child->wait(io::Deadline::never()));
    EXPECT_NO_THROW(run(machine->power_off()));
    run(machine->wait_for_shutdown(io::Deadline::never()));
    EXPECT_FALSE(machine->booted);
}

TEST_F(MachineTest, AGuestMayEndDuringAnUncheckedCommand) {
    auto machine = make(plain);
    run(machine->connect(options()));
    auto child = run_on_io([machine] { return machine->process(); });
    auto command = fmt::format("kill -KILL {}; sleep 60", child->pid());
    Command unchecked{.text = command, .want_status = false};
    auto result = run(machine->parts().runner->run(unchecked));
    EXPECT_EQ(result.status, -1);
    EXPECT_EQ(result.output, "");
    EXPECT_THROW(run(machine->parts().runner->run(unchecked)), ShellError);
}

TEST_F(MachineTest, TheProcessIsThatOfTheLastCommandOfTheScript) {
    for (const std::string before : {"", "A=1; export A; ", "env A=1 "}) {
        auto machine = make(before + plain);
        run(machine->start(options()));
        auto child = run_on_io([machine] { return machine->process(); });
        std::ifstream file(fmt::format("/proc/{}/cmdline", child->pid()));
        std::string words;
        std::getline(file, words);
        EXPECT_THAT(words, HasSubstr("fake_qemu.py")) << before;
        EXPECT_THAT(words, testing::Not(HasSubstr("export"))) << before;
        run(machine->release());
    }
}

TEST_F(MachineTest, AnotherStartCommandMayBeGivenAtTheStart) {
    auto machine = make("/does/not/exist");
    auto other = options();
    other.command = "env OTHER=yes " + plain;
    run(machine->start(other));
    run(machine->connect(options()));
    EXPECT_EQ(execute(*machine, "echo $OTHER").output, "yes\n");
}

TEST_F(MachineTest, RemovesOldStateUnlessItIsKept) {
    auto state = directory_.path() / "vm-state-web";
    std::filesystem::create_directory(state);
    std::ofstream(state / "disk") << "old";
    run(make(plain, true)->release());
    EXPECT_TRUE(std::filesystem::exists(state / "disk"));
    run(make(plain)->release());
    EXPECT_FALSE(std::filesystem::exists(state / "disk"));
}

TEST_F(MachineTest, OutputOfAnEarlyExitOfQemuIsShown) {
    auto machine = make_failing("exit");
    auto failure = failure_of<io::Error>([&] { run(machine->start(options())); });
    EXPECT_THAT(failure.what(), HasSubstr("web: QEMU process exited with code 1"));
    EXPECT_THAT(failure.what(), HasSubstr("fake-qemu: no machine specified"));
    EXPECT_FALSE(machine->booted);
}

TEST_F(MachineTest, AMissingStartScriptIsNamed) {
    auto machine = make("/does/not/exist/run-web-vm");
    auto failure = failure_of<io::UsageError>([&] { run(machine->start(options())); });
    EXPECT_STREQ(failure.what(), "web: the start script /does/not/exist/run-web-vm does not exist");
}

TEST_F(MachineTest, OutputOfAnExitBeforeTheQmpGreetingIsShown) {
    auto machine = make_failing("exit-connected");
    auto failure = failure_of<io::Error>([&] { run(machine->start(options())); });
    EXPECT_THAT(failure.what(),
                HasSubstr("web: QEMU process exited with code 3 before sending a greeting"));
    EXPECT_THAT(failure.what(), HasSubstr("fake-qemu: no such processor"));
    EXPECT_FALSE(machine->booted);
}

TEST_F(MachineTest, ReleaseEndsAPendingStart) {
    auto machine = make("echo formatting a disk; sleep 600; true");
    auto start = runtime_.start(machine->start(options()));
    while (!testing::Value(events(), Contains("formatting a disk"))) std::this_thread::yield();
    run(machine->release());
    EXPECT_THROW(start.get(), io::Error);
    EXPECT_FALSE(std::filesystem::exists(machine->config().state_directory));
}

TEST_F(MachineTest, ACancelledStartLeavesNothingRunning) {
    auto machine = make("echo pid $$; sleep 600; true");
    auto start = runtime_.start(machine->start(options()));
    std::string pid;
    while (pid.empty())
        for (const auto& event : events())
            if (event.starts_with("pid ")) pid = event.substr(4);
    start.cancel();
    EXPECT_THROW(start.get(), io::Interrupted);
    // The caller waits 2 s for the cancelled operation, which may take longer on a busy host.
    while (std::filesystem::exists("/proc/" + pid)) std::this_thread::yield();
}

TEST_F(MachineTest, AReleasedMachineDoesNotStart) {
    auto machine = make(plain);
    run(machine->release());
    auto failure = failure_of<io::UsageError>([&] { run(machine->start(options())); });
    EXPECT_STREQ(failure.what(), "web: the machine was released and cannot be restarted");
}

TEST_F(MachineTest, ScriptsMayAssignBootedToAMachineThatIsOff) {
    auto machine = make(plain);
    machine->booted = true;
    run(machine->wait_for_shutdown(io::Deadline::never()));
    EXPECT_FALSE(machine->booted);
    machine->booted = true;
    run(machine->crash());
    EXPECT_FALSE(machine->booted);
    machine->booted = true;
    EXPECT_THROW(run(machine->power_off()), io::Error);
}

TEST_F(MachineTest, ScriptsMayClearBootedOfARunningMachine) {
    auto machine = make(plain);
    run(machine->start(options()));
    auto first = fmt::format("/proc/{}", run_on_io([&] { return machine->process()->pid(); }));
    machine->booted = false;
    run(machine->connect(options()));
    EXPECT_FALSE(std::filesystem::exists(first));
    EXPECT_EQ(execute(*machine, "echo again").output, "again\n");
}

}  // namespace
}  // namespace charioteer::machine
