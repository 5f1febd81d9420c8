#include "io/backoff.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "io/condition.hpp"
#include "io/reminder.hpp"
#include "io/runtime.hpp"
#include "io/with_reminder.hpp"

namespace charioteer::io {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, PausesDoubleUpToTheLongest) {
    Backoff backoff(10ms, 50ms);
    EXPECT_EQ(backoff.next(), 10ms);
    EXPECT_EQ(backoff.next(), 20ms);
    EXPECT_EQ(backoff.next(), 40ms);
    EXPECT_EQ(backoff.next(), 50ms);
    EXPECT_EQ(backoff.next(), 50ms);
    backoff.reset();
    EXPECT_EQ(backoff.next(), 10ms);
}

TEST(Backoff, ThePauseGrowsWithTheWaitAndWithSlowTries) {
    EXPECT_EQ(pause_between_tries(0s, 0s), 20ms);
    EXPECT_EQ(pause_between_tries(3200ms, 0s), 100ms);
    EXPECT_EQ(pause_between_tries(0s, 600ms), 300ms);
    EXPECT_EQ(pause_between_tries(1h, 1h), 1s);
}

TEST(Reminder, ItsPausesGrow) {
    Reminder reminder(30s);
    EXPECT_FALSE(reminder.due(29s));
    EXPECT_TRUE(reminder.due(31s));
    EXPECT_FALSE(reminder.due(61s));
    EXPECT_TRUE(reminder.due(62s));
    EXPECT_TRUE(reminder.due(3600s));
    EXPECT_FALSE(reminder.due(4199s));
    EXPECT_TRUE(reminder.due(4200s));
    reminder.reset();
    EXPECT_TRUE(reminder.due(30s));
}

asio::awaitable<void> wait_for_ever() {
    Condition condition(co_await asio::this_coro::executor);
    for (;;) co_await condition.wait();
}

TEST(Reminder, IsCalledWhileAnOperationLasts) {
    fakes::ManualTime time;
    asio::io_context context;
    std::vector<Duration> reports;
    asio::co_spawn(
        context,
        with_reminder(wait_for_ever(), time, [&](Duration so_far) { reports.push_back(so_far); }),
        asio::detached);
    context.poll();
    for (int second = 0; second < 60; ++second) {
        time.advance(1s);
        while (time.due() > 0) context.poll();
        context.poll();
    }
    EXPECT_EQ(reports, (std::vector<Duration>{10s, 20s, 40s}));
}

}  // namespace
}  // namespace charioteer::io
