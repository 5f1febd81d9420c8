#include "terminal/shell_connection.hpp"

#include <gmock/gmock.h>

#include "fake_guest.hpp"

namespace charioteer::terminal {

namespace {

using namespace std::string_literals;
using frames::Type;
using testing::Pair;

const std::string sighup("\1\0\0\0", 4);

class ShellConnectionTest : public testing::Test {
protected:
    /// A client that has connected.
    Client connect() {
        auto [stream, peer] = fakes::connected_pair(runtime_.executor());
        auto connection =
            std::make_shared<ShellConnection>(std::move(stream), guest_.begin(), runtime_.time());
        running_.push_back(runtime_.start(ShellConnection::run(std::move(connection))));
        return Client(std::move(peer));
    }
    /// A client that has its shell.
    Client connect_and_open() {
        auto client = connect();
        client.open();
        EXPECT_EQ(client.read().type, MessageType::started);
        return client;
    }
    void expect_end() { fakes::result_of(running_.back()); }

    io::Runtime runtime_;
    FakeGuest guest_{runtime_};
    std::vector<io::Pending<void>> running_;
};

TEST_F(ShellConnectionTest, TheClientGetsTheOutputAndThenTheStatus) {
    auto client = connect_and_open();
    guest_.write_output(1, "\x1b[31m# ");
    auto message = client.read();
    EXPECT_EQ(message.type, MessageType::output);
    EXPECT_EQ(message.payload, "\x1b[31m# ");
    guest_.end(1, 3);
    EXPECT_THAT(client.read_ending(), Pair(3, ""));
    EXPECT_TRUE(client.peer().sees_the_end());
    expect_end();
}

TEST_F(ShellConnectionTest, TheShellIsALoginShellOnATerminalOfTheClientsSize) {
    auto client = connect_and_open();
    auto command = guest_.command(1);
    ASSERT_TRUE(command.terminal);
    EXPECT_EQ(command.terminal->rows, 24);
    EXPECT_EQ(command.terminal->columns, 80);
    EXPECT_THAT(command.text, testing::HasSubstr("TERM=xterm "));
}

TEST_F(ShellConnectionTest, InputAndNewSizesReachTheShell) {
    auto client = connect_and_open();
    client.send(MessageType::input, "\x03");
    EXPECT_EQ(guest_.next(1, Type::input), "\x03");
    client.send(MessageType::resize, "\x32\0\x84\0"s);
    EXPECT_EQ(guest_.next(1, Type::resize), "\x32\0\x84\0"s);
}

TEST_F(ShellConnectionTest, AShellWithoutATerminalHasAnEndOfInputAndSeparateErrors) {
    auto client = connect();
    client.send(MessageType::open, "\0\0\0\0"s);
    EXPECT_EQ(client.read().type, MessageType::started);
    client.send(MessageType::input_end, "");
    EXPECT_EQ(guest_.next(1, Type::input_end), "");
    guest_.with_shell(1, [](auto& call) { call.handle_piece(channel::Source::errors, "no"); });
    EXPECT_EQ(client.read().type, MessageType::errors);
}

TEST_F(ShellConnectionTest, TheShellIsHungUpWhenTheClientDisconnects) {
    auto client = connect_and_open();
    client.peer().close();
    EXPECT_EQ(guest_.next(1, Type::signal), sighup);
    guest_.until_cancelled(1);
    expect_end();
}

TEST_F(ShellConnectionTest, ADisconnectIsDetectedWhileTheGuestReadsNoInput) {
    auto client = connect_and_open();
    // More than the guest's credit and the read-ahead buffer.
    client.send(MessageType::input, std::string(60'000, 'x'));
    for (int count = 0; count < 4; ++count)
        client.send(MessageType::input, std::string(30'000, 'x'));
    client.peer().close();
    guest_.until_cancelled(1);
}

TEST_F(ShellConnectionTest, ASlowClientDelaysTheShell) {
    auto client = connect_and_open();
    const std::size_t much = 4 << 20;
    guest_.write_output(1, std::string(much, 'a'));
    guest_.next(1, Type::credit);
    guest_.write_output(1, std::string(much, 'b'));
    client.send(MessageType::resize, "\x32\0\x84\0"s);
    guest_.next(1, Type::resize);
    EXPECT_EQ(guest_.so_far(1, Type::credit), "");
    EXPECT_EQ(client.read().payload.size(), much);
    EXPECT_EQ(client.read().payload.size(), much);
    guest_.next(1, Type::credit);
}

TEST_F(ShellConnectionTest, TheClientGetsTheReasonWhyThereIsNoShell) {
    guest_.refuse("web: there is no agent: the guest has no bash");
    auto client = connect();
    client.open();
    EXPECT_THAT(client.read_ending(), Pair(1, "web: there is no agent: the guest has no bash"));
}

TEST_F(ShellConnectionTest, TheClientGetsTheReasonOfTheEndOfTheGuest) {
    auto client = connect_and_open();
    guest_.write_output(1, "last words");
    guest_.with_shell(1, [](auto& call) { call.fail("QEMU was killed by signal 9"); });
    EXPECT_EQ(client.read().payload, "last words");
    EXPECT_THAT(client.read_ending(), Pair(1, "QEMU was killed by signal 9"));
}

TEST_F(ShellConnectionTest, AClientThatSendsInvalidMessagesIsDisconnected) {
    auto client = connect_and_open();
    client.peer().send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(client.peer().sees_the_end());
    EXPECT_EQ(guest_.next(1, Type::signal), sighup);
    expect_end();
}

TEST_F(ShellConnectionTest, AClientThatDoesNotOpenAShellGetsAnError) {
    auto client = connect();
    client.send(MessageType::input, "ls\n");
    EXPECT_THAT(client.read_ending(), Pair(1, "a client's first message must open a shell"));
}

}  // namespace

}  // namespace charioteer::terminal
