// The machine with a fake QEMU, whose guest is a bash on this host. Real time: processes have no
// clock to move by hand; no test depends on how much of it passes.

#include "machine/machine.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <mutex>

#include "fakes/temporary_directory.hpp"
#include "io/runtime.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;

std::string all_notes(const io::Error& error) {
    std::string text;
    for (const auto& note : error.notes()) text += note + "\n";
    return text;
}

class MachineTest : public testing::Test {
protected:
    static constexpr auto plain = "/usr/bin/python3 " FAKE_QEMU;

    void SetUp() override {
        ::setenv("CHARIOTEER_ACCEL", "tcg", 1);
        host_ = std::make_shared<Host>(runtime_.executor(), runtime_.time());
    }
    void TearDown() override {
        for (const auto& machine : machines_) run(machine->release());
        auto machines = std::make_shared<decltype(machines_)>(std::exchange(machines_, {}));
        asio::post(runtime_.executor(), [machines]() mutable { machines.reset(); });
    }

    std::shared_ptr<Machine> make(std::string command, bool keep_state = false) {
        MachineConfig config;
        config.name = "web";
        config.start_command = std::move(command);
        config.state_directory = directory_.path() / "vm-state-web";
        config.shared_directory = directory_.path();
        config.keep_state = keep_state;
        auto sink = [this](const io::Event& event) {
            std::lock_guard lock(mutex_);
            events_.push_back(event.text);
        };
        machines_.push_back(std::make_shared<Machine>(std::move(config), host_, sink));
        return machines_.back();
    }
    std::shared_ptr<Machine> make_ill(std::string_view mode) {
        return make(fmt::format("env FAKE_QEMU_MODE={} {}", mode, plain));
    }
    std::vector<std::string> events() {
        std::lock_guard lock(mutex_);
        return events_;
    }
    static StartOptions options() {
        StartOptions options;
        options.environment = process::own_environment();
        return options;
    }
    template <class T>
    T run(asio::awaitable<T> operation) {
        return runtime_.start(std::move(operation)).get();
    }
    shell::CommandResult execute(Machine& machine, std::string command) {
        return run(machine.execute(std::move(command), {}));
    }
    template <class Failure>
    Failure failure_of(std::function<void()> action) {
        try {
            action();
        } catch (const Failure& failure) {
            return failure;
        }
        ADD_FAILURE() << "nothing was thrown";
        return Failure("");
    }

    fakes::TemporaryDirectory directory_;
    io::Runtime runtime_;
    std::shared_ptr<Host> host_;
    std::vector<std::shared_ptr<Machine>> machines_;
    std::mutex mutex_;
    std::vector<std::string> events_;
};

TEST_F(MachineTest, StartsConnectsAndRunsCommands) {
    auto machine = make(plain);
    run(machine->connect(options()));
    EXPECT_TRUE(machine->booted);
    EXPECT_TRUE(machine->connected);
    EXPECT_EQ(execute(*machine, "echo hello").output, "hello\n");
    EXPECT_EQ(execute(*machine, "exit 3").status, 3);
    EXPECT_THAT(events(), Contains("starting vm"));
    EXPECT_THAT(events(), Contains(HasSubstr("QEMU running (pid ")));
    EXPECT_THAT(events(), Contains("Guest shell says: b'hello from the guest\\n"
                                   "Spawning backdoor root shell...\\n'"));
    EXPECT_THAT(events(), Contains("connected to guest root shell"));
}

TEST_F(MachineTest, StartsOnceWhenManyAsk) {
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

TEST_F(MachineTest, CrashEndsAQemuThatObeysAndOneThatDoesNot) {
    for (auto command : {std::string(plain), std::string("env FAKE_QEMU_MODE=deaf ") + plain}) {
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

TEST_F(MachineTest, AStateDirectoryInUseIsRefusedByNameAndPid) {
    auto machine = make(plain);
    auto refused = failure_of<io::UsageError>([&] { make(plain); });
    EXPECT_THAT(refused.what(), HasSubstr("vm-state-web"));
    EXPECT_THAT(refused.what(), HasSubstr(std::to_string(::getpid())));
}

TEST_F(MachineTest, ForgetsOldStateUnlessItIsKept) {
    auto state = directory_.path() / "vm-state-web";
    std::filesystem::create_directory(state);
    std::ofstream(state / "disk") << "old";
    run(make(plain, true)->release());
    EXPECT_TRUE(std::filesystem::exists(state / "disk"));
    run(make(plain)->release());
    EXPECT_FALSE(std::filesystem::exists(state / "disk"));
}

TEST_F(MachineTest, AQemuThatEndsAtOnceIsQuoted) {
    auto machine = make_ill("exit");
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

TEST_F(MachineTest, AQemuThatDiesInMidCommandLeavesItsLastWords) {
    auto machine = make_ill("die");
    run(machine->connect(options()));
    auto failure = failure_of<ShellError>([&] { execute(*machine, "true"); });
    EXPECT_THAT(failure.what(), HasSubstr("web: "));
    EXPECT_THAT(failure.what(), HasSubstr("7"));
    EXPECT_THAT(all_notes(failure), HasSubstr("while running `true`"));
    EXPECT_THAT(all_notes(failure), HasSubstr("going down"));
}

TEST_F(MachineTest, AWaitThatIsCalledOffLeavesTheMachineUsable) {
    auto machine = make(plain);
    run(machine->connect(options()));
    auto pending = runtime_.start(machine->execute("echo begun >&2; sleep 0.3; echo late", {}));
    while (!testing::Value(events(), Contains("begun"))) std::this_thread::yield();
    pending.cancel();
    EXPECT_THROW(pending.get(), io::Interrupted);
    EXPECT_EQ(execute(*machine, "echo next").output, "next\n");
}

TEST_F(MachineTest, WaitsUntilACommandSucceeds) {
    auto machine = make(plain);
    run(machine->connect(options()));
    Limit limit{60s, "60"};
    auto output = run(machine->wait_for_command(
        "echo try >> $TMPDIR/tries; wc -l < $TMPDIR/tries; test $(wc -l < $TMPDIR/tries) = 3", true,
        limit));
    EXPECT_EQ(output, "3\n");
}

TEST_F(MachineTest, AWaitInVainMakesALastTryAndTellsWhatItSaw) {
    auto machine = make(plain);
    run(machine->connect(options()));
    Limit limit{0s, "0"};
    auto failure = failure_of<RequestFailed>(
        [&] { run(machine->wait_for_command("echo seen; false", true, limit)); });
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
    run(machine->copy_in(tree, inside));
    EXPECT_EQ(std::filesystem::file_size(inside + "/below/data"), bytes.size());
    auto back = directory_.path() / "back";
    run(machine->copy_out(inside, back));
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
    run(machine->copy_out((machine->config().state_directory / "made").string(), back));
    EXPECT_TRUE(std::filesystem::is_symlink(back / "link"));
}

TEST_F(MachineTest, CopyingWhatIsNotThereFailsByName) {
    auto machine = make(plain);
    run(machine->connect(options()));
    auto failure = failure_of<io::Error>(
        [&] { run(machine->copy_out("/does/not/exist", directory_.path() / "back")); });
    EXPECT_THAT(failure.what(), HasSubstr("copy /does/not/exist"));
}

TEST_F(MachineTest, SpeaksToTheMonitorAndTheConsole) {
    auto machine = make(plain);
    run(machine->start(options()));
    EXPECT_EQ(run(machine->monitor("info status")), "ran info status\r\n");
    EXPECT_THROW(run(machine->qmp("no-such-command", {})), qmp::CommandError);
    run(machine->qmp("stop", {}));
    EXPECT_EQ(run(machine->next_qmp_event(io::Deadline::never())).at("event"), "STOP");
    run(machine->send_console("ls\n"));
    std::vector<std::string> seen;
    while (!testing::Value(seen, Contains("you typed: ls")))
        for (auto& line : run(machine->next_console_lines(io::Deadline::never())))
            seen.push_back(line);
    auto picture = directory_.path() / "screen.png";
    run(machine->screenshot(picture));
    EXPECT_GT(std::filesystem::file_size(picture), 4u);
}

TEST_F(MachineTest, WhatNeedsARunningMachineSaysSo) {
    auto machine = make(plain);
    auto failure = failure_of<io::Error>([&] { run(machine->monitor("info status")); });
    EXPECT_THAT(failure.what(), HasSubstr("web is not running"));
}

}  // namespace
}  // namespace charioteer::machine
