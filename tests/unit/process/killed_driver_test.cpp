#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fakes/paths.hpp"
#include "fakes/temporary_directory.hpp"
#include "io/unique_fd.hpp"
#include "process/directory_claims.hpp"
#include "process/spawn.hpp"

namespace charioteer::process {
namespace {

/// A driver in a process of its own (driver_to_kill), which runs a process tree.
class KilledDriver : public testing::Test {
protected:
    void SetUp() override {
        auto output = make_pipe();
        SpawnPlan plan;
        plan.arguments = {fakes::driver_to_kill, claimed().string()};
        plan.environment = own_environment();
        plan.descriptors = {{0, 0}, {output.write.get(), 1}, {2, 2}};
        driver_ = spawn(plan);
        output.write.reset();
        FILE* lines = ::fdopen(output.read.release(), "r");
        pid_t pid = 0;
        while (tree_.size() < 3 && std::fscanf(lines, "%d", &pid) == 1) tree_.push_back(pid);
        std::fclose(lines);
        ASSERT_EQ(tree_.size(), 3U);
    }

    /// Also kills the driver after a failed set-up, because it waits endlessly.
    void TearDown() override { kill_driver(); }

    std::filesystem::path claimed() const { return directory_.path() / "claimed"; }

    void kill_driver() {
        pid_t driver = std::exchange(driver_, 0);
        if (driver == 0) return;
        ::kill(driver, SIGKILL);
        ::waitpid(driver, nullptr, 0);
    }

    /// Whether `fact` becomes true; the limit is reached only by a failing test.
    static bool eventually(const std::function<bool()>& fact) {
        auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!fact() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
        return fact();
    }

    /// The id of a process that exists or is not reaped cannot have been reused.
    static bool gone(pid_t pid) { return ::kill(pid, 0) != 0; }

    void leave_socket(const std::filesystem::path& path) const {
        io::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }

    fakes::TemporaryDirectory directory_;
    pid_t driver_ = 0;
    std::vector<pid_t> tree_;
};

TEST_F(KilledDriver, EndsTheWholeProcessTree) {
    kill_driver();
    for (pid_t pid : tree_) EXPECT_TRUE(eventually([pid] { return gone(pid); })) << pid;
}

TEST_F(KilledDriver, LeavesNoSocketAndNoLock) {
    leave_socket(claimed() / "shell");
    kill_driver();
    EXPECT_TRUE(eventually([this] { return !std::filesystem::exists(claimed()); }));
}

TEST_F(KilledDriver, LeavesNoSocketOfAHelper) {
    std::filesystem::create_directory(claimed() / "swtpm");
    leave_socket(claimed() / "swtpm" / "socket");
    kill_driver();
    EXPECT_TRUE(eventually([this] { return !std::filesystem::exists(claimed() / "lock"); }));
    EXPECT_TRUE(std::filesystem::is_empty(claimed() / "swtpm"));
}

TEST_F(KilledDriver, KeepsOtherFilesOfADirectory) {
    auto disk = claimed() / "disk.qcow2";
    std::fclose(std::fopen(disk.c_str(), "w"));
    kill_driver();
    EXPECT_TRUE(eventually([this] { return !std::filesystem::exists(claimed() / "lock"); }));
    EXPECT_TRUE(std::filesystem::exists(disk));
}

TEST_F(KilledDriver, TheNextRunCanUseTheDirectory) {
    auto claims = DirectoryClaims::start();
    kill_driver();
    auto claim = claims->claim(claimed());
    EXPECT_EQ(claim.path(), claimed());
    for (pid_t pid : tree_) EXPECT_TRUE(gone(pid)) << pid;
}

}  // namespace
}  // namespace charioteer::process
