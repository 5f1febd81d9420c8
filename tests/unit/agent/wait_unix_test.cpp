#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "fakes/temporary_directory.hpp"
#include "unit/agent/built_in_program.hpp"
#include "unit/agent/sockets.hpp"

namespace charioteer::agent {
namespace {

class WaitUnix : public testing::Test {
protected:
    std::string path(const std::string& name = "socket") const { return directory_.path() / name; }

    fakes::TemporaryDirectory directory_;
};

TEST_F(WaitUnix, EndsOnceTheSocketListens) {
    BuiltInProgram wait({"wait-unix", path(), "stream"});
    ASSERT_TRUE(wait.keeps_waiting());
    auto socket = bind_unix(path());
    ASSERT_TRUE(wait.keeps_waiting(3));
    listen_on(socket);
    EXPECT_EQ(wait.status(), 0);
    EXPECT_EQ(wait.errors(), "");
}

TEST_F(WaitUnix, SeesSeqpacketSockets) {
    auto socket = bind_unix(path(), SOCK_SEQPACKET);
    listen_on(socket);
    BuiltInProgram wait({"wait-unix", path(), "stream"});
    EXPECT_EQ(wait.status(), 0);
}

TEST_F(WaitUnix, EndsOnceTheDatagramSocketIsBound) {
    auto stream = bind_unix(path());
    listen_on(stream);
    BuiltInProgram wait({"wait-unix", path(), "datagram"});
    ASSERT_TRUE(wait.keeps_waiting(3));
    std::filesystem::remove(path());
    auto datagram = bind_unix(path(), SOCK_DGRAM);
    EXPECT_EQ(wait.status(), 0);
}

TEST_F(WaitUnix, WaitsForASocketOfWhichOnlyThePathIsLeft) {
    auto socket = bind_unix(path());
    listen_on(socket);
    socket.reset();
    BuiltInProgram wait({"wait-unix", path(), "stream"});
    EXPECT_TRUE(wait.keeps_waiting(3));
}

TEST_F(WaitUnix, WaitsForASocketWhosePathWasRemoved) {
    auto socket = bind_unix(path());
    listen_on(socket);
    std::filesystem::remove(path());
    BuiltInProgram wait({"wait-unix", path(), "stream"});
    EXPECT_TRUE(wait.keeps_waiting(3));
}

TEST_F(WaitUnix, SupportsAbstractNames) {
    auto name = "@charioteer-" + directory_.path().filename().string();
    BuiltInProgram wait({"wait-unix", name, "stream"});
    ASSERT_TRUE(wait.keeps_waiting(3));
    auto socket = bind_unix(name);
    listen_on(socket);
    EXPECT_EQ(wait.status(), 0);
}

TEST_F(WaitUnix, ResolvesRelativePaths) {
    BuiltInProgram wait({"wait-unix", "socket", "stream"}, {.directory = directory_.path()});
    ASSERT_TRUE(wait.keeps_waiting());
    auto socket = bind_unix(path());
    listen_on(socket);
    EXPECT_EQ(wait.status(), 0);
}

TEST_F(WaitUnix, SeesASocketThatWasBoundToARelativePath) {
    auto before = std::filesystem::current_path();
    std::filesystem::current_path(directory_.path());
    auto socket = bind_unix("./socket");
    std::filesystem::current_path(before);
    listen_on(socket);
    BuiltInProgram wait({"wait-unix", path(), "stream"});
    EXPECT_EQ(wait.status(), 0);
}

TEST_F(WaitUnix, RecognisesASocketByAnotherPath) {
    std::filesystem::create_directory(path("run"));
    std::filesystem::create_symlink("run", path("var"));
    std::filesystem::create_symlink("run/socket", path("link"));
    auto socket = bind_unix(path("var/socket"));
    listen_on(socket);
    for (const auto* name : {"run/socket", "var/socket", "link", "run/../var/socket"}) {
        BuiltInProgram wait({"wait-unix", path(name), "stream"});
        EXPECT_EQ(wait.status(), 0) << name;
    }
}

TEST_F(WaitUnix, FindsOneOfHundreds) {
    std::vector<io::UniqueFd> sockets;
    for (int number = 0; number < 400; ++number) {
        sockets.push_back(bind_unix(path("socket" + std::to_string(number))));
        listen_on(sockets.back());
    }
    for (const auto* name : {"socket0", "socket200", "socket399"}) {
        BuiltInProgram wait({"wait-unix", path(name), "stream"});
        EXPECT_EQ(wait.status(), 0);
    }
    BuiltInProgram wait({"wait-unix", path("socket400"), "stream"});
    ASSERT_TRUE(wait.keeps_waiting(3));
    auto socket = bind_unix(path("socket400"));
    listen_on(socket);
    EXPECT_EQ(wait.status(), 0);
}

TEST_F(WaitUnix, ReportsThatTheResultIsUnknown) {
    auto socket = bind_unix(path());
    BuiltInProgram wait({"wait-unix", path(), "stream"}, {.refused = {.files = true}});
    EXPECT_EQ(wait.status(), 3);
    EXPECT_EQ(wait.errors(), "wait-unix: cannot read /proc/net/unix\n");
}

TEST_F(WaitUnix, RejectsOtherKindsOfSockets) {
    BuiltInProgram wait({"wait-unix", path(), "raw"});
    EXPECT_EQ(wait.status(), 2);
    EXPECT_EQ(wait.errors(), "wait-unix: expected the path of a socket, and stream or datagram\n");
}

}  // namespace
}  // namespace charioteer::agent
