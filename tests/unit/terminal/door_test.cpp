#include "terminal/door.hpp"

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

class DoorTest : public testing::Test {
protected:
    DoorTest() { door_ = fakes::result_of(runtime_.start(open(this))); }
    ~DoorTest() override { close(); }

    static asio::awaitable<std::shared_ptr<Door>> open(DoorTest* self) {
        auto executor = co_await asio::this_coro::executor;
        co_return Door::open(executor, self->path_, self->guest_.begin(), self->runtime_.time());
    }
    static asio::awaitable<void> close_on_io_thread(std::shared_ptr<Door> door) {
        door->close();
        co_return;
    }
    void close() { fakes::result_of(runtime_.start(close_on_io_thread(door_))); }

    Visitor come() {
        io::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("the door does not listen");
        return Visitor(fakes::Peer(std::move(socket)));
    }
    Visitor settle() {
        auto visitor = come();
        visitor.open();
        EXPECT_EQ(visitor.read().type, MessageType::started);
        return visitor;
    }

    fakes::TemporaryDirectory directory_;
    std::filesystem::path path_ = directory_.path() / "terminal";
    io::Runtime runtime_;
    FakeGuest guest_{runtime_};
    std::shared_ptr<Door> door_;
};

TEST_F(DoorTest, IsForItsUserAlone) {
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(DoorTest, EachVisitorHasAShellOfItsOwn) {
    auto first = settle();
    auto second = settle();
    guest_.says(2, "second");
    guest_.says(1, "first");
    EXPECT_EQ(first.read().payload, "first");
    EXPECT_EQ(second.read().payload, "second");
    guest_.ends(1, 0);
    EXPECT_THAT(first.read_ending(), Pair(0, ""));
    second.send(MessageType::input, "still here");
    EXPECT_EQ(guest_.next(2, Type::input), "still here");
}

TEST_F(DoorTest, AVisitorThatSpeaksInTonguesDisturbsNobody) {
    auto first = settle();
    auto second = come();
    second.peer().send("\xff\xff\xff\xff\xff\xff");
    second.read_ending();
    EXPECT_TRUE(second.peer().sees_the_end());
    guest_.says(1, "undisturbed");
    EXPECT_EQ(first.read().payload, "undisturbed");
    settle();
}

TEST_F(DoorTest, ClosingSendsVisitorsAwayAndRemovesTheSocket) {
    auto visitor = settle();
    close();
    EXPECT_TRUE(visitor.peer().sees_the_end());
    guest_.until_dropped(1);
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(DoorTest, ReplacesTheSocketOfAnEarlierRun) {
    auto again = fakes::result_of(runtime_.start(open(this)));
    settle();
    fakes::result_of(runtime_.start(close_on_io_thread(again)));
}

}  // namespace

}  // namespace charioteer::terminal
