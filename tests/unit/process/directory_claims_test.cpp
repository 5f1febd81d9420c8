#include "process/directory_claims.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "fakes/temporary_directory.hpp"
#include "io/error.hpp"

namespace charioteer::process {
namespace {

class Claim : public testing::Test {
protected:
    fakes::TemporaryDirectory directory_;
    std::shared_ptr<DirectoryClaims> claims_ = DirectoryClaims::start();
};

TEST_F(Claim, CreatesTheDirectoryAndRemovesIt) {
    auto path = directory_.path() / "state";
    {
        auto claim = claims_->claim(path);
        EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(Claim, KeepsADirectoryThatIsNotEmpty) {
    auto path = directory_.path() / "state";
    {
        auto claim = claims_->claim(path);
        std::ofstream(path / "disk.qcow2") << "data";
    }
    EXPECT_TRUE(std::filesystem::exists(path / "disk.qcow2"));
    EXPECT_FALSE(std::filesystem::exists(path / "lock"));
}

TEST_F(Claim, IsRejectedWithNameAndProcessIdWhileItHasAnOwner) {
    auto path = directory_.path() / "state";
    auto claim = claims_->claim(path);
    try {
        claims_->claim(path);
        FAIL() << "claimed twice";
    } catch (const io::UsageError& error) {
        std::string text = error.what();
        EXPECT_NE(text.find(path.string()), std::string::npos) << text;
        EXPECT_NE(text.find(std::to_string(::getpid())), std::string::npos) << text;
    }
}

TEST_F(Claim, ReplacesTheLockOfADeadRun) {
    auto path = directory_.path() / "state";
    std::filesystem::create_directory(path);
    std::ofstream(path / "lock") << "1\n";
    auto claim = claims_->claim(path);
    std::string owner;
    std::getline(std::ifstream(path / "lock"), owner);
    EXPECT_EQ(owner, std::to_string(::getpid()));
}

TEST_F(Claim, CanBeCancelledWhileGuardsOfADeadRunHoldIt) {
    auto path = directory_.path() / "state";
    std::filesystem::create_directory(path);
    std::ofstream(path / "lock") << "999999999\n";  // beyond the largest process id
    io::UniqueFd guards(::open((path / "lock").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::flock(guards.get(), LOCK_EX), 0);
    auto cancel = [] { throw io::Interrupted("enough"); };
    EXPECT_THROW(claims_->claim(path, cancel), io::Interrupted);
    auto release = [&] { guards.reset(); };
    EXPECT_EQ(claims_->claim(path, release).path(), path);
}

TEST_F(Claim, TakesADirectoryThatIsRemovedMeanwhile) {
    auto path = directory_.path() / "state";
    std::atomic<bool> ended = false;
    std::thread other([&] {
        while (!ended) {
            ::mkdir(path.c_str(), 0700);
            ::rmdir(path.c_str());
        }
    });
    for (int attempt = 0; attempt < 300; ++attempt) {
        try {
            EXPECT_EQ(claims_->claim(path).path(), path);
        } catch (const io::Error& error) {
            ADD_FAILURE() << "attempt " << attempt << ": " << error.what();
            break;
        }
    }
    ended = true;
    other.join();
}

TEST_F(Claim, NamesTheFileInTheWay) {
    auto path = directory_.path() / "state";
    std::ofstream(path) << "a file";
    EXPECT_THROW(claims_->claim(path), io::UsageError);
    EXPECT_THROW(claims_->claim(directory_.path() / "no" / "state"), io::Error);
}

}  // namespace
}  // namespace charioteer::process
