/// Functions of other threads on the thread of a segment.

#include "vlan/mailbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "io/time_source.hpp"

namespace charioteer::vlan {
namespace {

using namespace std::chrono_literals;

class MailboxTest : public testing::Test {
protected:
    io::Deadline in(io::Duration limit) { return time_.deadline_after(limit); }

    io::SteadyTime time_;
    std::promise<void> woken_;
    Mailbox mailbox_{[this] { woken_.set_value(); }};
};

TEST_F(MailboxTest, ACallRunsOnTheOtherThreadAndReturnsItsResult) {
    std::thread segment([this] {
        woken_.get_future().wait();
        mailbox_.run();
    });
    auto id = segment.get_id();
    EXPECT_EQ(mailbox_.call([] { return std::this_thread::get_id(); }, in(100s), "silent"), id);
    segment.join();
}

TEST_F(MailboxTest, AnExceptionReachesTheCaller) {
    std::thread segment([this] {
        woken_.get_future().wait();
        mailbox_.run();
    });
    EXPECT_THROW(mailbox_.call([] { throw std::out_of_range("no"); }, in(100s), "silent"),
                 std::out_of_range);
    segment.join();
}

TEST_F(MailboxTest, ACallEndsAtItsDeadline) {
    try {
        mailbox_.call([] { FAIL() << "it has run after the deadline"; }, in(0s),
                      "vlan 1 did not answer");
        FAIL();
    } catch (const io::TimeoutError& error) {
        EXPECT_STREQ(error.what(), "vlan 1 did not answer within 0 s");
    }
    mailbox_.run();
}

TEST_F(MailboxTest, ACallThatHasBegunBeforeItsDeadlineReturnsItsResult) {
    Mailbox mailbox([] {});
    std::atomic<bool> has_ended = false;
    std::thread segment([&] {
        while (!has_ended) mailbox.run();
    });
    // On a busy host the function may not begin in time; then it gets more.
    for (auto limit = 1ms; !has_ended; limit *= 2) {
        auto deadline = in(limit);
        auto end_after_the_deadline = [&] {
            while (!deadline.passed(time_.now())) {
            }
            has_ended = true;
        };
        try {
            mailbox.call(end_after_the_deadline, deadline, "silent");
        } catch (const io::TimeoutError&) {
            ASSERT_FALSE(has_ended);
        }
    }
    segment.join();
}

TEST_F(MailboxTest, ASegmentThatStopsEndsTheCalls) {
    std::thread segment([this] {
        woken_.get_future().wait();
        mailbox_.close();
    });
    EXPECT_THROW(mailbox_.call([] {}, in(100s), "silent"), io::UsageError);
    EXPECT_THROW(mailbox_.call([] {}, in(100s), "silent"), io::UsageError);
    segment.join();
}

}  // namespace
}  // namespace charioteer::vlan
