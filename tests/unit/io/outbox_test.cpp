#include "io/outbox.hpp"

#include <gtest/gtest.h>

#include "fakes/peer.hpp"
#include "io/runtime.hpp"

namespace charioteer::io {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;

struct Line {
    explicit Line(UnixStream socket) : stream(std::move(socket)), outbox(stream) {}

    UnixStream stream;
    Outbox outbox;
};

asio::awaitable<void> run(std::shared_ptr<Line> line) {
    co_await line->outbox.run();
}

asio::awaitable<bool> add(std::shared_ptr<Line> line, std::string bytes) {
    line->outbox.add(bytes);
    co_await line->outbox.flushed();
    co_return !line->outbox.stopped();
}

asio::awaitable<void> stop(std::shared_ptr<Line> line) {
    line->outbox.stop();
    co_return;
}

class OutboxTest : public testing::Test {
protected:
    OutboxTest()
        : ends_(fakes::connected_pair(runtime_.executor())),
          line_(std::make_shared<Line>(std::move(ends_.first))),
          running_(runtime_.start(run(line_))) {}
    ~OutboxTest() override {
        ends_.second.close();
        result_of(runtime_.start(stop(line_)));
        result_of(running_);
    }

    Runtime runtime_;
    std::pair<UnixStream, fakes::Peer> ends_;
    std::shared_ptr<Line> line_;
    Pending<void> running_;
};

TEST_F(OutboxTest, WritesPiecesInOrder) {
    auto first = runtime_.start(add(line_, "one\n"));
    auto second = runtime_.start(add(line_, "two\n"));
    EXPECT_TRUE(result_of(first));
    EXPECT_TRUE(result_of(second));
    EXPECT_EQ(ends_.second.read_line(), "one");
    EXPECT_EQ(ends_.second.read_line(), "two");
}

TEST_F(OutboxTest, APieceIsWrittenCompletelyAfterItsCallerWasCancelled) {
    std::string big(4'000'000, 'x');
    auto sent = runtime_.start(add(line_, big + "\n"));
    ends_.second.read(1);
    sent.cancel();
    EXPECT_THROW(result_of(sent), Interrupted);
    auto next = runtime_.start(add(line_, "next\n"));
    EXPECT_EQ(ends_.second.read(big.size()).back(), '\n');
    EXPECT_EQ(ends_.second.read_line(), "next");
    EXPECT_TRUE(result_of(next));
}

TEST_F(OutboxTest, ADisconnectedPeerEndsTheWait) {
    auto sent = runtime_.start(add(line_, std::string(4'000'000, 'x')));
    ends_.second.read(1);
    ends_.second.close();
    EXPECT_FALSE(result_of(sent));
    // What comes after is not kept.
    EXPECT_FALSE(result_of(runtime_.start(add(line_, "more"))));
    auto has_unsent = [](std::shared_ptr<Line> line) -> asio::awaitable<bool> {
        co_return line->outbox.has_unsent();
    };
    EXPECT_FALSE(result_of(runtime_.start(has_unsent(line_))));
}

}  // namespace
}  // namespace charioteer::io
