// The channel and its connection.

#include "channel/channel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "io/runtime.hpp"

namespace charioteer::channel {
namespace {

using namespace std::chrono_literals;

class ChannelTest : public testing::Test {
protected:
    ChannelTest() : ends_(fakes::connected_pair(runtime_.executor())) {
        auto disconnect_reason = [this]() -> asio::awaitable<std::string> {
            ++reason_calls_;
            co_return "QEMU was killed by signal 9";
        };
        channel_ = Channel::open(std::move(ends_.first), disconnect_reason,
                                 {[](const std::string&) {}}, time_);
    }
    ~ChannelTest() override {
        on_io([this] {
            channel_->close();
            channel_->close();
            channel_.reset();
        });
    }
    template <class Action>
    void on_io(Action action) {
        auto operation = [](Action body) -> asio::awaitable<void> {
            body();
            co_return;
        };
        fakes::result_of(runtime_.start(operation(std::move(action))));
    }
    std::string failure_of(io::Pending<Peer> pending) {
        try {
            fakes::result_of(std::move(pending));
        } catch (const io::ConnectionLost& error) {
            return error.what();
        }
        return "nothing was thrown";
    }

    io::Runtime runtime_;
    fakes::ManualTime time_;
    std::pair<io::UnixStream, fakes::Peer> ends_;
    std::atomic<int> reason_calls_ = 0;
    std::shared_ptr<Channel> channel_;
};

TEST_F(ChannelTest, TheEndOfTheConnectionIsReportedWithItsReason) {
    on_io([this] { channel_->expect(1); });
    auto waiting = runtime_.start(channel_->greeted(io::Deadline::never()));
    ends_.second.close();
    EXPECT_EQ(failure_of(std::move(waiting)), "QEMU was killed by signal 9");
    auto again = runtime_.start(channel_->greeted(io::Deadline::never()));
    EXPECT_EQ(failure_of(std::move(again)), "QEMU was killed by signal 9");
    EXPECT_EQ(reason_calls_, 1);
}

TEST(Channel, TwoDriversHaveDistinctStreamNumbers) {
    // Otherwise a command that one driver left running could be taken for one of the other driver.
    EXPECT_NE(random_stream(), random_stream());
    EXPECT_LT(random_stream(), frames::orphan);
    EXPECT_GT(random_stream(), 0U);
}

TEST_F(ChannelTest, SendsRawBytesUnchanged) {
    on_io([this] { channel_->send_raw("the program"); });
    EXPECT_EQ(ends_.second.read(11), "the program");
}

TEST_F(ChannelTest, UnsentFramesAreDiscardedWithTheirAgent) {
    std::string much(8 << 20, 'x');
    on_io([&] {
        channel_->send_raw("being written");
        channel_->send_raw(much);
    });
    on_io([this] { channel_->send_raw("waits"); });
    on_io([this] {
        channel_->expect(1);
        channel_->send_raw("program");
    });
    auto came = ends_.second.read(13 + much.size() + 7);
    EXPECT_TRUE(came.ends_with("xprogram"));
}

}  // namespace
}  // namespace charioteer::channel
