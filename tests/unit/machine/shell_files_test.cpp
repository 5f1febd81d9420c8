// Copies through the root shell alone. The guest of the fake QEMU is bash on this host, whose
// TMPDIR is the state directory.

#include <fcntl.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "unit/machine/machine_fixture.hpp"

namespace charioteer::machine {
namespace {

namespace fs = std::filesystem;

class ShellFilesTest : public MachineTest {
protected:
    void SetUp() override {
        MachineTest::SetUp();
        machine_ = make(plain);
        run(machine_->connect(options()));
        state_ = machine_->config().state_directory;
    }
    void TearDown() override {
        machine_.reset();
        MachineTest::TearDown();
    }
    static std::string read(const fs::path& path) {
        std::ifstream file(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }
    /// Whether copies of the guest or the host have left files there.
    bool anything_is_left() const {
        for (const auto& entry : fs::directory_iterator(state_)) {
            auto name = entry.path().filename().string();
            if (name.find("copy-") != name.npos) return true;
        }
        return false;
    }
    /// After a failed copy its files are removed in the background.
    void until_nothing_is_left() const {
        while (anything_is_left()) std::this_thread::yield();
    }

    /// Replaces the program `name` of the guest; `$PATH` leads to the real one.
    void replace_in_guest(const std::string& name, const std::string& script) {
        auto programs = directory_.path() / "programs";
        fs::create_directory(programs);
        std::ofstream(programs / name) << "#!/bin/sh\nPATH=${PATH#*:}\n" << script;
        fs::permissions(programs / name, fs::perms::owner_all);
        run(machine_->release());
        machine_ = make(
            fmt::format("env PATH={}:{} {}", programs.string(), std::getenv("PATH"), plain), true);
        run(machine_->connect(options()));
    }

    std::shared_ptr<Machine> machine_;
    fs::path state_;
    fs::path back_ = directory_.path() / "back";
};

TEST_F(ShellFilesTest, AnArchiveOfSeveralPiecesIsComplete) {
    execute(*machine_, "head -c 9000000 /dev/urandom > $TMPDIR/made");
    run(machine_->parts().copier->copy_out((state_ / "made").string(), back_));
    EXPECT_EQ(fs::file_size(back_), 9'000'000U);
    EXPECT_TRUE(read(back_) == read(state_ / "made"));
    until_nothing_is_left();
}

TEST_F(ShellFilesTest, AnArchiveOfExactlyOnePieceIsComplete) {
    // 4 MiB and 8 MiB, with the header and the padding.
    for (auto size : {4'194'304 - 10'240, 8'388'608 - 10'240}) {
        execute(*machine_, fmt::format("head -c {} /dev/urandom > $TMPDIR/made", size));
        run(machine_->parts().copier->copy_out((state_ / "made").string(), back_));
        EXPECT_TRUE(read(back_) == read(state_ / "made"));
    }
    until_nothing_is_left();
}

TEST_F(ShellFilesTest, ACopyOutNeedsNoSpaceInTheGuest) {
    execute(*machine_, "head -c 2000000 /dev/urandom > $TMPDIR/made");
    // From now on commands of the guest cannot write files.
    auto shell = std::stoi(execute(*machine_, "echo $PPID").output);
    rlimit none{0, 0};
    ASSERT_EQ(::prlimit(shell, RLIMIT_FSIZE, &none, nullptr), 0);
    ASSERT_NE(execute(*machine_, "echo a > $TMPDIR/more").status, 0);
    run(machine_->parts().copier->copy_out((state_ / "made").string(), back_));
    EXPECT_TRUE(read(back_) == read(state_ / "made"));
    until_nothing_is_left();
}

TEST_F(ShellFilesTest, TheArchiveIsNotPartOfTheCopiedFolder) {
    execute(*machine_, "echo content > $TMPDIR/file");
    run(machine_->parts().copier->copy_out(state_.string(), back_));
    EXPECT_EQ(read(back_ / "file"), "content\n");
    for (const auto& entry : fs::directory_iterator(back_))
        EXPECT_FALSE(entry.path().filename().string().starts_with("charioteer-copy-"));
    until_nothing_is_left();
}

TEST_F(ShellFilesTest, AFailedCopyLeavesNothing) {
    std::ofstream(directory_.path() / "file") << "no folder";
    auto target = (directory_.path() / "file" / "below").string();
    EXPECT_THROW(run(machine_->parts().copier->copy_in(directory_.path() / "file", target)),
                 io::Error);
    until_nothing_is_left();
    EXPECT_THROW(run(machine_->parts().copier->copy_out(target, back_)), io::Error);
    until_nothing_is_left();
}

TEST_F(ShellFilesTest, ACopyOutEndsWhenThePackerIsKilledBetweenTwoPieces) {
    replace_in_guest("dd", "dd \"$@\"; kill -KILL $$");
    execute(*machine_, "head -c 9000000 /dev/urandom > $TMPDIR/made");
    EXPECT_THROW(run(machine_->parts().copier->copy_out((state_ / "made").string(), back_)),
                 io::Error);
    EXPECT_FALSE(fs::exists(back_));
    until_nothing_is_left();
}

TEST_F(ShellFilesTest, AnArchiveWhosePackerWasKilledIsNotTakenForComplete) {
    // The received archive has only the folder, without its file.
    replace_in_guest("tar", "tar \"$@\" | head -c 512; kill -KILL $PPID");
    execute(*machine_, "mkdir $TMPDIR/folder; echo content > $TMPDIR/folder/file");
    EXPECT_THROW(run(machine_->parts().copier->copy_out((state_ / "folder").string(), back_)),
                 io::Error);
    EXPECT_FALSE(fs::exists(back_));
    until_nothing_is_left();
}

TEST_F(ShellFilesTest, ACancelledCopyInLeavesNothing) {
    // More than fits into a pipe.
    auto source = directory_.path() / "source";
    std::ofstream(source) << std::string(1'000'000, 'x');
    auto target = directory_.path() / "pipe";
    ASSERT_EQ(::mkfifo(target.c_str(), 0600), 0);
    auto copying = runtime_.start(machine_->parts().copier->copy_in(source, target.string()));
    io::UniqueFd reader(::open(target.c_str(), O_RDONLY | O_CLOEXEC));
    copying.cancel();
    EXPECT_ANY_THROW(copying.get());
    EXPECT_TRUE(anything_is_left());
    reader.reset();
    until_nothing_is_left();
}

TEST_F(ShellFilesTest, ACancelledCopyOutLeavesNoProcesses) {
    execute(*machine_, "head -c 9000000 /dev/urandom > $TMPDIR/made");
    auto copying =
        runtime_.start(machine_->parts().copier->copy_out((state_ / "made").string(), back_));
    while (!anything_is_left()) std::this_thread::yield();
    copying.cancel();
    EXPECT_ANY_THROW(copying.get());
    until_nothing_is_left();
    // Packing in the background is done by a shell whose arguments contain the source's path,
    // unlike this one.
    auto path = (state_ / "made").string().substr(1);
    execute(*machine_, fmt::format("while pgrep -f '[/]{}'; do sleep 0.01; done", path));
}

}  // namespace
}  // namespace charioteer::machine
