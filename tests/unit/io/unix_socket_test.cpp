#include "io/unix_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "fakes/temporary_directory.hpp"
#include "io/runtime.hpp"

namespace charioteer::io {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;
using testing::HasSubstr;

/// Whether connect() succeeds. The socket is closed on the io thread.
asio::awaitable<bool> connect(std::filesystem::path path, Deadline deadline, TimeSource& time) {
    auto stream = co_await connect_unix(std::move(path), deadline, time);
    co_return stream.is_open();
}

class UnixSocketTest : public testing::Test {
protected:
    fakes::TemporaryDirectory directory_;
    std::filesystem::path path_ = directory_.path() / "socket";
    Runtime runtime_;
    fakes::ManualTime time_;
};

TEST_F(UnixSocketTest, ConnectsToAListeningSocket) {
    auto acceptor = listen_unix(runtime_.executor(), path_);
    EXPECT_TRUE(result_of(runtime_.start(connect(path_, Deadline::never(), time_))));
}

TEST_F(UnixSocketTest, ReplacesAnExistingFile) {
    std::ofstream(path_) << "old";
    auto acceptor = listen_unix(runtime_.executor(), path_);
    EXPECT_TRUE(std::filesystem::is_socket(path_));
}

TEST_F(UnixSocketTest, WaitsUntilThePeerListens) {
    auto connecting = runtime_.start(connect(path_, Deadline::never(), time_));
    while (time_.sleepers() < 1) std::this_thread::yield();
    auto acceptor = listen_unix(runtime_.executor(), path_);
    while (!connecting.wait_for(0ms)) time_.advance(50ms);
    EXPECT_TRUE(result_of(connecting));
}

TEST_F(UnixSocketTest, WaitsForAPeerUntilTheDeadline) {
    auto connecting = runtime_.start(connect(path_, time_.deadline_after(2s), time_));
    while (!connecting.wait_for(0ms)) time_.advance(50ms);
    try {
        result_of(connecting);
        FAIL() << "expected a TimeoutError";
    } catch (const TimeoutError& error) {
        EXPECT_EQ(error.what(), "nothing listened on " + path_.string() + " within 2 s");
    }
}

TEST_F(UnixSocketTest, ATooLongPathIsAnErrorWithACure) {
    EXPECT_NO_THROW(check_socket_path(std::string(107, 'x')));
    try {
        listen_unix(runtime_.executor(), std::string(108, 'x'));
        FAIL() << "expected a UsageError";
    } catch (const UsageError& error) {
        EXPECT_THAT(error.what(), HasSubstr("has 108 bytes, the system allows 107"));
    }
}

TEST_F(UnixSocketTest, NamesAMissingFolder) {
    try {
        listen_unix(runtime_.executor(), directory_.path() / "no" / "socket");
        FAIL() << "expected an Error";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("no/socket: No such file or directory"));
    }
}

}  // namespace
}  // namespace charioteer::io
