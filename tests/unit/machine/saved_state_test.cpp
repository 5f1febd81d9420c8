// A machine whose guest is paused, saved and loaded again.

#include <fstream>
#include <thread>

#include "machine_fixture.hpp"

namespace charioteer::machine {
namespace {

using testing::Contains;
using testing::HasSubstr;

class SavedStateTest : public MachineTest {
protected:
    std::filesystem::path file() { return directory_.path() / "state"; }
    std::shared_ptr<Machine> connected(std::string command = plain) {
        auto machine = make(std::move(command));
        run(machine->connect(options()));
        return machine;
    }
    void save(Machine& machine) {
        run(machine.parts().saver->pause());
        run(machine.parts().saver->save(file()));
    }
    void load(Machine& machine) { run(machine.load_state(file(), options())); }
    std::string status(Machine& machine) {
        auto reply = run(machine.parts().monitor->qmp("query-status", {}));
        return std::string(reply.as_object().at("status").as_string());
    }
    State state(Machine& machine) {
        return run_on_io([&] { return machine.state(); });
    }
    bool stopped(Machine& machine) {
        return run_on_io([&] { return machine.parts().context->qemu()->guest().stopped(); });
    }
};

TEST_F(SavedStateTest, PauseReturnsWhenTheGuestIsPaused) {
    auto machine = connected();
    run(machine->parts().saver->pause());
    EXPECT_EQ(status(*machine), "paused");
    EXPECT_TRUE(stopped(*machine));
    run(machine->parts().saver->resume());
    EXPECT_EQ(status(*machine), "running");
    EXPECT_FALSE(stopped(*machine));
}

TEST_F(SavedStateTest, RequiresARunningMachine) {
    auto machine = make(plain);
    EXPECT_THROW(run(machine->parts().saver->pause()), NotRunning);
    EXPECT_THROW(run(machine->parts().saver->resume()), NotRunning);
    EXPECT_THROW(run(machine->parts().saver->save(file())), NotRunning);
}

TEST_F(SavedStateTest, TheGuestGoesOnAfterItWasSaved) {
    auto machine = connected();
    save(*machine);
    EXPECT_TRUE(stopped(*machine));
    run(machine->parts().saver->resume());
    EXPECT_EQ(execute(*machine, "echo on").output, "on\n");
}

TEST_F(SavedStateTest, TheFileIsForTheUserOnly) {
    auto machine = connected();
    save(*machine);
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(file()).permissions(),
              perms::owner_read | perms::owner_write);
}

TEST_F(SavedStateTest, AnExistingFileIsKept) {
    std::ofstream(file()) << "precious";
    auto machine = connected();
    auto failure = failure_of<io::Error>([&] { save(*machine); });
    EXPECT_EQ(failure.what(), fmt::format("web: saving its state to {}: it cannot be created: File "
                                          "exists",
                                          file().native()));
    EXPECT_EQ(std::filesystem::file_size(file()), 8U);
}

TEST_F(SavedStateTest, AnOldQemuIsRefusedBeforeAnythingIsChanged) {
    auto machine = make_failing("old-version");
    run(machine->connect(options()));
    auto failure = failure_of<io::Error>([&] { save(*machine); });
    EXPECT_THAT(failure.what(), HasSubstr("by QEMU 9.0 and newer, and this is QEMU 8.2.1"));
    EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(SavedStateTest, WhatPreventsSavingIsReportedBeforeAnythingIsChanged) {
    auto machine = make_failing("blocked");
    run(machine->connect(options()));
    auto failure = failure_of<io::Error>([&] { save(*machine); });
    EXPECT_THAT(failure.what(), HasSubstr("'share' is mounted; no memory"));
    EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(SavedStateTest, TheGuestGoesOnWhenSavingFails) {
    auto machine = make_failing("migration-fails");
    run(machine->connect(options()));
    auto failure = failure_of<io::Error>([&] { save(*machine); });
    EXPECT_THAT(failure.what(), HasSubstr("web: saving its state to"));
    EXPECT_THAT(failure.what(), HasSubstr("No space left on device"));
    run(machine->parts().saver->resume());
    EXPECT_EQ(execute(*machine, "echo on").output, "on\n");
}

TEST_F(SavedStateTest, AQemuThatEndsWhileItSavesIsReported) {
    auto machine = make_failing("dies-migrating");
    run(machine->connect(options()));
    auto failure = failure_of<io::ConnectionLost>([&] { save(*machine); });
    EXPECT_THAT(failure.what(), HasSubstr("QEMU ended with status 5"));
    EXPECT_THAT(events(), Contains("fake-qemu: the disk is gone"));
    run(machine->wait_for_shutdown(io::Deadline::never()));
}

TEST_F(SavedStateTest, ALoadedGuestTakesCommandsWithoutAGreeting) {
    auto first = connected();
    save(*first);
    run(first->crash());
    load(*first);
    EXPECT_TRUE(first->booted);
    EXPECT_TRUE(first->connected);
    EXPECT_EQ(state(*first), State::running);
    EXPECT_EQ(status(*first), "paused");
    EXPECT_TRUE(stopped(*first));
    run(first->parts().saver->resume());
    EXPECT_EQ(execute(*first, "echo loaded").output, "loaded\n");
}

TEST_F(SavedStateTest, ARunningMachineIsKept) {
    auto machine = connected();
    save(*machine);
    auto failure = failure_of<io::UsageError>([&] { load(*machine); });
    EXPECT_STREQ(failure.what(), "web runs: end it before a state is loaded");
    run(machine->parts().saver->resume());
    EXPECT_EQ(execute(*machine, "echo kept").output, "kept\n");
}

TEST_F(SavedStateTest, AFileThatCannotBeLoadedLeavesTheMachineOff) {
    auto machine = make(plain);
    auto folder = file().native();
    for (auto [text, expected] : {std::pair("", "the file is damaged"),
                                  std::pair(R"({"devices": ["other"]})", "unknown device"),
                                  std::pair("missing", "Failed to open")}) {
        std::filesystem::remove(file());
        if (text != std::string_view("missing")) std::ofstream(file()) << text;
        auto failure = failure_of<io::Error>([&] { load(*machine); });
        EXPECT_THAT(failure.what(), HasSubstr("web: loading its state from " + folder));
        EXPECT_THAT(failure.what(), HasSubstr(expected));
        EXPECT_FALSE(machine->booted);
        EXPECT_FALSE(machine->connected);
        EXPECT_EQ(state(*machine), State::off);
        auto child = run_on_io([&] { return machine->process(); });
        EXPECT_TRUE(child->status());
    }
    run(machine->connect(options()));
    EXPECT_EQ(execute(*machine, "echo on").output, "on\n");
}

TEST_F(SavedStateTest, ACancelledLoadLeavesNothingRunning) {
    auto machine = make_failing("migration-hangs");
    std::ofstream(file()) << "{}";
    auto loading = runtime_.start(machine->load_state(file(), options()));
    while (!testing::Value(events(), Contains("loading does not end"))) std::this_thread::yield();
    auto child = run_on_io([&] { return machine->process(); });
    loading.cancel();
    EXPECT_THROW(loading.get(), io::Interrupted);
    run(child->wait(io::Deadline::never()));
    while (state(*machine) != State::off) std::this_thread::yield();
    EXPECT_FALSE(machine->booted);
    EXPECT_FALSE(machine->connected);
}

TEST_F(SavedStateTest, ReleaseEndsAPendingLoad) {
    auto machine = make_failing("migration-hangs");
    std::ofstream(file()) << "{}";
    auto loading = runtime_.start(machine->load_state(file(), options()));
    while (!testing::Value(events(), Contains("loading does not end"))) std::this_thread::yield();
    run(machine->release());
    EXPECT_THROW(loading.get(), io::Error);
    EXPECT_FALSE(std::filesystem::exists(machine->config().state_directory));
}

}  // namespace
}  // namespace charioteer::machine
