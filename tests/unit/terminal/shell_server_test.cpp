#include "terminal/shell_server.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "fake_guest.hpp"
#include "fakes/temporary_directory.hpp"

namespace charioteer::terminal {

namespace {

using frames::Type;
using testing::Pair;

class ShellServerTest : public testing::Test {
protected:
    ShellServerTest() { server_ = fakes::result_of(runtime_.start(open(this))); }
    ~ShellServerTest() override { close(); }

    static asio::awaitable<std::shared_ptr<ShellServer>> open(ShellServerTest* self) {
        auto executor = co_await asio::this_coro::executor;
        co_return ShellServer::open(executor, self->path_, self->guest_.begin(),
                                    self->runtime_.time());
    }
    static asio::awaitable<void> close_on_io_thread(std::shared_ptr<ShellServer> server) {
        server->close();
        co_return;
    }
    void close() { fakes::result_of(runtime_.start(close_on_io_thread(server_))); }

    Client connect() {
        io::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("the server does not listen");
        return Client(fakes::Peer(std::move(socket)));
    }
    Client connect_and_open() {
        auto client = connect();
        client.open();
        EXPECT_EQ(client.read().type, MessageType::started);
        return client;
    }

    fakes::TemporaryDirectory directory_;
    std::filesystem::path path_ = directory_.path() / "terminal";
    io::Runtime runtime_;
    FakeGuest guest_{runtime_};
    std::shared_ptr<ShellServer> server_;
};

TEST_F(ShellServerTest, OnlyItsUserCanConnect) {
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(ShellServerTest, EachClientHasItsOwnShell) {
    auto first = connect_and_open();
    auto second = connect_and_open();
    guest_.write_output(2, "second");
    guest_.write_output(1, "first");
    EXPECT_EQ(first.read().payload, "first");
    EXPECT_EQ(second.read().payload, "second");
    guest_.end(1, 0);
    EXPECT_THAT(first.read_ending(), Pair(0, ""));
    second.send(MessageType::input, "still here");
    EXPECT_EQ(guest_.next(2, Type::input), "still here");
}

TEST_F(ShellServerTest, AClientThatSendsInvalidMessagesDoesNotDisturbOthers) {
    auto first = connect_and_open();
    auto second = connect();
    second.peer().send("\xff\xff\xff\xff\xff\xff");
    second.read_ending();
    EXPECT_TRUE(second.peer().sees_the_end());
    guest_.write_output(1, "undisturbed");
    EXPECT_EQ(first.read().payload, "undisturbed");
    connect_and_open();
}

TEST_F(ShellServerTest, ClosingDisconnectsClientsAndRemovesTheSocket) {
    auto client = connect_and_open();
    close();
    EXPECT_TRUE(client.peer().sees_the_end());
    guest_.until_cancelled(1);
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ShellServerTest, ReplacesTheSocketOfAnEarlierRun) {
    auto again = fakes::result_of(runtime_.start(open(this)));
    connect_and_open();
    fakes::result_of(runtime_.start(close_on_io_thread(again)));
}

}  // namespace

}  // namespace charioteer::terminal
