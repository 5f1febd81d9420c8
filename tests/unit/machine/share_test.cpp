// Copies through a folder shared by host and guest. The guest of the fake QEMU is this host, so the
// folder is mounted here, in a private mount namespace.

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>

#include "fakes/swapper.hpp"
#include "unit/machine/machine_fixture.hpp"

namespace charioteer::machine {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr auto mount_point = "/tmp/shared";

/// Constructed before the io thread, which inherits the namespace.
class OwnMounts {
public:
    OwnMounts() {
        std::error_code failure;
        fs::create_directory(mount_point, failure);
        mounted_ = ::unshare(CLONE_NEWNS) == 0 &&
                   ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   ::mount("tmpfs", mount_point, "tmpfs", 0, "size=64m") == 0;
    }
    OwnMounts(const OwnMounts&) = delete;
    OwnMounts& operator=(const OwnMounts&) = delete;
    ~OwnMounts() {
        if (mounted_) ::umount2(mount_point, MNT_DETACH);
    }

protected:
    bool mounted_ = false;
};

class ShareTest : public OwnMounts, public MachineTest {
protected:
    void SetUp() override {
        MachineTest::SetUp();
        if (!mounted_) GTEST_SKIP() << "needs root, to mount the shared folder";
    }
    std::shared_ptr<Machine> connected() {
        MachineConfig config;
        config.name = "web";
        config.start_command = plain;
        config.state_directory = directory_.path() / "vm-state-web";
        config.shared_directory = mount_point;
        machines_.push_back(std::make_shared<Machine>(std::move(config), host_, [](auto&) {}));
        run(machines_.back()->connect(options()));
        return machines_.back();
    }
    static void write(const fs::path& path, std::string_view content) {
        std::ofstream(path, std::ios::binary) << content;
    }
    static std::string read(const fs::path& path) {
        std::ifstream file(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }

    /// Folders of copies are removed in the background, not on the io thread.
    static void until_nothing_is_left() {
        while (!fs::is_empty(mount_point)) std::this_thread::yield();
    }
    void try_to(asio::awaitable<void> copy) {
        try {
            run(std::move(copy));
        } catch (const io::Error&) {
            // An entry vanished while it was read, which is an error.
        }
    }

    fs::path tree_ = directory_.path() / "tree";
    fs::path inside_ = directory_.path() / "guest";
    fs::path back_ = directory_.path() / "back";
};

TEST_F(ShareTest, CopiesATreeBothWaysAndLeavesNothingThere) {
    auto machine = connected();
    fs::create_directories(tree_ / "below");
    write(tree_ / "below/data", std::string(1'000'000, 'x'));
    write(directory_.path() / "other", "other");
    fs::create_symlink(directory_.path() / "other", tree_ / "link");
    ::chmod((tree_ / "below").c_str(), 0555);
    run(machine->parts().copier->copy_in(tree_, inside_ / "copy"));
    EXPECT_EQ(read(inside_ / "copy/below/data"), std::string(1'000'000, 'x'));
    EXPECT_EQ(read(inside_ / "copy/link"), "other");
    EXPECT_FALSE(fs::is_symlink(inside_ / "copy/link"));
    fs::create_symlink("/etc/passwd", inside_ / "copy/passwd");
    run(machine->parts().copier->copy_out(inside_ / "copy", back_));
    EXPECT_EQ(read(back_ / "below/data"), std::string(1'000'000, 'x'));
    EXPECT_EQ(fs::status(back_ / "below").permissions(), fs::perms(0555));
    EXPECT_TRUE(fs::is_symlink(back_ / "passwd"));
    until_nothing_is_left();
}

TEST_F(ShareTest, AFileIsReplacedAndAMissingPathIsNamed) {
    auto machine = connected();
    fs::create_directory(inside_);
    write(inside_ / "f", "new");
    write(back_, "old");
    run(machine->parts().copier->copy_out(inside_ / "f", back_));
    EXPECT_EQ(read(back_), "new");
    auto failure =
        failure_of<io::Error>([&] { run(machine->parts().copier->copy_out("/nothing", back_)); });
    EXPECT_THAT(failure.what(), HasSubstr("web: cannot copy /nothing to the host: "));
    until_nothing_is_left();
}

/// Replaces the folders of copies by links as soon as they are created.
class Impostor {
public:
    explicit Impostor(fs::path outside)
        : thread_([this, outside = std::move(outside)] {
              for (int number = 0; !stop_; ++number) {
                  std::error_code failure;
                  for (const auto& entry : fs::directory_iterator(mount_point, failure)) {
                      if (!entry.path().filename().string().starts_with("copy-")) continue;
                      if (entry.is_symlink(failure)) continue;
                      auto aside = fs::path(mount_point) / ("aside" + std::to_string(number));
                      fs::rename(entry.path(), aside, failure);
                      if (!failure) fs::create_symlink(outside, entry.path(), failure);
                      if (!failure) ++caught_;
                  }
              }
          }) {}
    ~Impostor() {
        stop_ = true;
        thread_.join();
    }
    int caught() const { return caught_; }

private:
    std::atomic<bool> stop_ = false;
    std::atomic<int> caught_ = 0;
    std::thread thread_;
};

TEST_F(ShareTest, LinksThatAGuestPutsThereAreNotFollowed) {
    auto machine = connected();
    // For copies in both directions. (Here the guest uses the same folder.)
    auto outside = directory_.path() / "outside";
    fs::create_directory(outside);
    write(directory_.path() / "secret", "secret");
    write(tree_, "of the guest");
    Impostor impostor(outside);
    for (int round = 0; round < 200 && impostor.caught() < 20; ++round) {
        write(outside / "content", "of the host");
        try_to(machine->parts().copier->copy_in(directory_.path() / "secret", inside_));
        try_to(machine->parts().copier->copy_out(tree_, back_));
        ASSERT_TRUE(fs::exists(outside / "content"));
        for (const auto& entry : fs::directory_iterator(outside))
            ASSERT_EQ(entry.path().filename(), "content");
    }
    EXPECT_GT(impostor.caught(), 0);
}

}  // namespace
}  // namespace charioteer::machine
