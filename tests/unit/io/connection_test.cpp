#include "io/connection.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "fakes/peer.hpp"
#include "io/error.hpp"
#include "io/runtime.hpp"

namespace charioteer::io {
namespace {

using fakes::result_of;

class ConnectionTest : public testing::Test {
protected:
    ConnectionTest() : pair_(fakes::connected_pair(runtime_.executor())) {
        connection_ = result_of(runtime_.start(open()));
    }
    ~ConnectionTest() override { result_of(runtime_.start(close())); }

    asio::awaitable<std::shared_ptr<Connection>> open() {
        auto reason = [this]() -> asio::awaitable<std::string> {
            ++reason_queries_;
            co_return "the peer was killed";
        };
        co_return Connection::open(std::move(pair_.first), reason, 1024);
    }
    asio::awaitable<void> close() {
        connection_->close();
        co_return;
    }
    asio::awaitable<std::string> read() {
        auto bytes = co_await connection_->read();
        co_return std::string(bytes);
    }
    asio::awaitable<void> send(std::string bytes) {
        connection_->send(bytes);
        co_await connection_->flushed();
    }
    asio::awaitable<void> receive_all(Connection::Receive receive) {
        connection_->receive_all(std::move(receive),
                                 [this](const std::string& why) { ended_.set_value(why); });
        co_return;
    }
    /// Why `operation` threw ConnectionLost.
    template <class T>
    std::string lost(asio::awaitable<T> operation) {
        try {
            result_of(runtime_.start(std::move(operation)));
        } catch (const ConnectionLost& error) {
            return error.what();
        }
        return "not lost";
    }
    fakes::Peer& peer() { return pair_.second; }

    Runtime runtime_;
    int reason_queries_ = 0;
    std::promise<std::string> ended_;
    std::pair<UnixStream, fakes::Peer> pair_;
    std::shared_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, ReadsWhatThePeerSendsAndSendsInOrder) {
    peer().send("hello");
    EXPECT_EQ(result_of(runtime_.start(read())), "hello");
    result_of(runtime_.start(send("one\n")));
    result_of(runtime_.start(send("two\n")));
    EXPECT_EQ(peer().read_line(), "one");
    EXPECT_EQ(peer().read_line(), "two");
}

TEST_F(ConnectionTest, TheReasonIsRequestedOnceWhenThePeerEnds) {
    peer().close();
    EXPECT_EQ(lost(read()), "the peer was killed");
    EXPECT_EQ(lost(read()), "the peer was killed");
    EXPECT_EQ(lost(send("x")), "the peer was killed");
    EXPECT_EQ(reason_queries_, 1);
}

TEST_F(ConnectionTest, ACancelledReadLeavesTheConnectionUsable) {
    auto reading = runtime_.start(read());
    reading.cancel();
    EXPECT_THROW(result_of(std::move(reading)), Interrupted);
    peer().send("later");
    EXPECT_EQ(result_of(runtime_.start(read())), "later");
}

TEST_F(ConnectionTest, CloseEndsAReadWithoutRequestingAReason) {
    auto reading = runtime_.start(read());
    result_of(runtime_.start(close()));
    try {
        result_of(std::move(reading));
        FAIL() << "expected ConnectionLost";
    } catch (const ConnectionLost& error) {
        EXPECT_STREQ(error.what(), "the driver closed the connection");
    }
    EXPECT_EQ(reason_queries_, 0);
    EXPECT_TRUE(peer().sees_the_end());
}

TEST_F(ConnectionTest, ReceivesAllUntilThePeerEnds) {
    auto all = std::make_shared<std::string>();
    result_of(runtime_.start(receive_all([all](std::string_view bytes) { *all += bytes; })));
    peer().send("first ");
    peer().send("last");
    peer().close();
    EXPECT_EQ(ended_.get_future().get(), "the peer was killed");
    EXPECT_EQ(*all, "first last");
}

TEST_F(ConnectionTest, AnErrorOfTheReceiverEndsTheConnection) {
    result_of(runtime_.start(receive_all([](std::string_view) { throw Error("not a message"); })));
    peer().send("?");
    EXPECT_EQ(ended_.get_future().get(), "not a message");
    EXPECT_TRUE(peer().sees_the_end());
    EXPECT_EQ(lost(send("x")), "not a message");
}

}  // namespace
}  // namespace charioteer::io
