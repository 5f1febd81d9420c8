// Operations on a running machine.

#include <sys/stat.h>

#include <fstream>

#include "machine_fixture.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

TEST_F(MachineTest, StartsConnectsAndRunsCommands) {
    auto machine = make(plain);
    run(machine->connect(options()));
    EXPECT_TRUE(machine->booted);
    EXPECT_TRUE(machine->connected);
    EXPECT_EQ(execute(*machine, "echo hello").output, "hello\n");
    EXPECT_EQ(execute(*machine, "exit 3").status, 3);
    Command unchecked{.text = "echo hello; exit 3", .want_status = false};
    auto outcome = run(machine->parts().runner->run(unchecked));
    EXPECT_EQ(outcome.status, command::no_status);
    EXPECT_EQ(outcome.output, "hello\n");
    Command unawaited{.text = "echo hello", .want_output = false};
    outcome = run(machine->parts().runner->run(unawaited));
    EXPECT_EQ(outcome.status, command::not_awaited);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(events(), Contains("starting vm"));
    EXPECT_THAT(events(), Contains(HasSubstr("QEMU running (pid ")));
    EXPECT_THAT(events(), Contains("Guest shell says: b'hello from the guest\\n"
                                   "Spawning backdoor root shell...\\n'"));
    EXPECT_THAT(events(), Contains("connected to guest root shell"));
}

TEST_F(MachineTest, ConcurrentCallsWaitForOneGreeting) {
    auto machine = make(plain);
    run(machine->start(options()));
    auto first = runtime_.start(machine->connect(options()));
    auto second = runtime_.start(machine->connect(options()));
    first.get();
    second.get();
    EXPECT_TRUE(machine->connected);
    EXPECT_EQ(execute(*machine, "echo hello").output, "hello\n");
}

TEST_F(MachineTest, TheErrorHasTheLastLinesOfAQemuThatExits) {
    auto machine = make_failing("die");
    run(machine->connect(options()));
    auto failure = failure_of<ShellError>([&] { execute(*machine, "true"); });
    EXPECT_THAT(failure.what(), HasSubstr("web: "));
    EXPECT_THAT(failure.what(), HasSubstr("QEMU ended with status 7"));
    EXPECT_THAT(all_notes(failure), HasSubstr("while running `true`"));
    EXPECT_THAT(all_notes(failure), HasSubstr("going down"));
}

TEST_F(MachineTest, ACancelledCommandLeavesTheMachineUsable) {
    auto machine = make(plain);
    run(machine->connect(options()));
    auto gate = (directory_.path() / "gate").string();
    ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
    auto pending = runtime_.start(machine->parts().runner->run(
        {.text = fmt::format("echo begun >&2; read -r _ < '{}'; echo late", gate)}));
    while (!testing::Value(events(), Contains("begun"))) std::this_thread::yield();
    pending.cancel();
    EXPECT_THROW(pending.get(), io::Interrupted);
    std::ofstream(gate) << "open\n";
    EXPECT_EQ(execute(*machine, "echo next").output, "next\n");
}

TEST_F(MachineTest, WaitsUntilACommandSucceeds) {
    auto machine = make(plain);
    run(machine->connect(options()));
    CommandWait wait{
        "echo try >> $TMPDIR/tries; wc -l < $TMPDIR/tries; test $(wc -l < $TMPDIR/tries) = 3", true,
        Limit{60s, "60"}};
    auto output = run(machine->parts().waiter->wait(wait));
    EXPECT_EQ(output, "3\n");
}

TEST_F(MachineTest, AWaitThatTimesOutTriesOnceMoreAndShowsTheOutput) {
    auto machine = make(plain);
    run(machine->connect(options()));
    CommandWait wait{"echo seen; false", true, Limit{0s, "0"}};
    auto failure = failure_of<RequestFailed>([&] { run(machine->parts().waiter->wait(wait)); });
    EXPECT_THAT(failure.what(),
                testing::MatchesRegex("action timed out after [0-9.]+ seconds \\(timeout=0\\)"));
    EXPECT_THAT(all_notes(failure), HasSubstr("its output: seen"));
}

TEST_F(MachineTest, CopiesFilesAndTreesBothWaysThroughTheShell) {
    auto machine = make(plain);
    run(machine->connect(options()));
    auto tree = directory_.path() / "tree";
    std::filesystem::create_directories(tree / "below");
    // More than one piece, and all byte values.
    std::string bytes;
    for (int i = 0; i < 200'000; ++i) bytes.push_back(static_cast<char>(i * 7 + i / 256));
    std::ofstream(tree / "below" / "data", std::ios::binary) << bytes;
    std::filesystem::permissions(tree / "below" / "data", std::filesystem::perms(0750));
    auto inside = (directory_.path() / "new folder" / "it's").string();
    run(machine->parts().copier->copy_in(tree, inside));
    EXPECT_EQ(std::filesystem::file_size(inside + "/below/data"), bytes.size());
    auto back = directory_.path() / "back";
    run(machine->parts().copier->copy_out(inside, back));
    std::ifstream copied(back / "below" / "data", std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(copied), {}), bytes);
    EXPECT_EQ(std::filesystem::status(back / "below" / "data").permissions(),
              std::filesystem::perms(0750));
}

TEST_F(MachineTest, ALinkOfTheGuestIsNotFollowedOnTheHost) {
    auto machine = make(plain);
    run(machine->connect(options()));
    execute(*machine, "mkdir $TMPDIR/made && ln -s /etc/passwd $TMPDIR/made/link");
    auto back = directory_.path() / "back";
    run(machine->parts().copier->copy_out((machine->config().state_directory / "made").string(),
                                          back));
    EXPECT_TRUE(std::filesystem::is_symlink(back / "link"));
}

TEST_F(MachineTest, CopyingAMissingPathFailsWithItsName) {
    auto machine = make(plain);
    run(machine->connect(options()));
    auto failure = failure_of<io::Error>([&] {
        run(machine->parts().copier->copy_out("/does/not/exist", directory_.path() / "back"));
    });
    EXPECT_THAT(failure.what(), HasSubstr("copy /does/not/exist"));
}

TEST_F(MachineTest, UsesTheMonitorAndTheConsole) {
    auto machine = make(plain);
    run(machine->start(options()));
    EXPECT_EQ(run(machine->parts().monitor->human("info status")), "ran info status\r\n");
    EXPECT_THROW(run(machine->parts().monitor->qmp("no-such-command", {})), qmp::CommandError);
    run(machine->parts().monitor->qmp("stop", {}));
    EXPECT_EQ(run(machine->parts().monitor->next_event(io::Deadline::never())).at("event"), "STOP");
    run(machine->parts().monitor->send_console("ls\n"));
    std::vector<std::string> seen;
    while (!testing::Value(seen, Contains("you typed: ls")))
        for (auto& line :
             run(machine->parts().context->console()->next_lines(io::Deadline::never())))
            seen.push_back(line);
    auto picture = directory_.path() / "screen.png";
    run(machine->parts().screen->save(picture));
    EXPECT_GT(std::filesystem::file_size(picture), 4u);
}

TEST_F(MachineTest, OperationsThatNeedARunningMachineRaiseAnError) {
    auto machine = make(plain);
    auto failure =
        failure_of<io::Error>([&] { run(machine->parts().monitor->human("info status")); });
    EXPECT_THAT(failure.what(), HasSubstr("web is not running"));
}

}  // namespace
}  // namespace charioteer::machine
