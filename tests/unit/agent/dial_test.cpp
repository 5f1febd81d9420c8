#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>

#include "fakes/temporary_directory.hpp"
#include "unit/agent/built_in_program.hpp"
#include "unit/agent/sockets.hpp"

namespace charioteer::agent {
namespace {

std::string read_all(const io::UniqueFd& fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<size_t>(got));
    return text;
}

std::string read_some(const io::UniqueFd& fd) {
    char buffer[4096];
    auto got = ::read(fd.get(), buffer, sizeof buffer);
    return {buffer, got > 0 ? static_cast<size_t>(got) : 0};
}

void write_all(const io::UniqueFd& fd, std::string_view text) {
    while (!text.empty()) {
        auto put = ::write(fd.get(), text.data(), text.size());
        if (put <= 0) return;
        text.remove_prefix(static_cast<size_t>(put));
    }
}

class Dial : public testing::Test {
protected:
    std::string path(const std::string& name = "socket") const { return directory_.path() / name; }
    io::UniqueFd serve() const {
        auto server = bind_unix(path());
        listen_on(server);
        return server;
    }
    io::UniqueFd accept() const { return io::UniqueFd(::accept(server_.get(), nullptr, nullptr)); }

    fakes::TemporaryDirectory directory_;
    io::UniqueFd server_ = serve();
    BuiltInProgram dial_{{"dial", path()}};
    io::UniqueFd peer_ = accept();
};

TEST_F(Dial, RelaysEachMessageImmediately) {
    write_all(dial_.input(), "question");
    EXPECT_EQ(read_some(peer_), "question");
    write_all(peer_, "answer");
    EXPECT_EQ(read_some(dial_.output()), "answer");
    EXPECT_TRUE(dial_.keeps_waiting());
    peer_.reset();
    EXPECT_EQ(dial_.status(), 0);
    EXPECT_EQ(dial_.errors(), "");
}

TEST_F(Dial, ForwardsTheEndOfItsInput) {
    write_all(dial_.input(), "last words");
    dial_.input().reset();
    EXPECT_EQ(read_all(peer_), "last words");
    EXPECT_TRUE(dial_.keeps_waiting());
    write_all(peer_, "understood");
    peer_.reset();
    EXPECT_EQ(read_all(dial_.output()), "understood");
    EXPECT_EQ(dial_.status(), 0);
}

TEST_F(Dial, RelaysAMegabyteEachWay) {
    std::string bytes(1'000'000, '\0');
    for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<char>(at * 7 / 3);
    std::thread echo([&] {
        for (auto text = read_some(peer_); !text.empty(); text = read_some(peer_))
            write_all(peer_, text);
        peer_.reset();
    });
    std::thread source([&] {
        write_all(dial_.input(), bytes);
        dial_.input().reset();
    });
    EXPECT_EQ(read_all(dial_.output()), bytes);
    source.join();
    echo.join();
    EXPECT_EQ(dial_.status(), 0);
}

TEST_F(Dial, EndsWithItsPeerDespitePendingInput) {
    ::shutdown(peer_.get(), SHUT_RD);
    write_all(dial_.input(), "not read");
    EXPECT_TRUE(dial_.keeps_waiting());
    write_all(peer_, "farewell");
    peer_.reset();
    EXPECT_EQ(read_all(dial_.output()), "farewell");
    EXPECT_EQ(dial_.status(), 0);
}

TEST_F(Dial, ReportsWhyThereIsNoConnection) {
    server_.reset();
    BuiltInProgram refused({"dial", path()});
    EXPECT_EQ(refused.status(), 1);
    EXPECT_EQ(refused.errors(), "dial: cannot connect to " + path() + ": connection refused\n");
    BuiltInProgram missing({"dial", "/nowhere/socket"});
    EXPECT_EQ(missing.status(), 1);
    EXPECT_EQ(missing.errors(), "dial: cannot connect to /nowhere/socket: no such file\n");
    auto datagram = bind_unix(path("datagram"), SOCK_DGRAM);
    BuiltInProgram other({"dial", path("datagram")});
    EXPECT_EQ(other.status(), 1);
    EXPECT_NE(other.errors().find("not a stream socket"), std::string::npos);
    BuiltInProgram longer({"dial", "/" + std::string(108, 'x')});
    EXPECT_EQ(longer.status(), 1);
    EXPECT_NE(longer.errors().find("the path is too long"), std::string::npos);
}

}  // namespace
}  // namespace charioteer::agent
