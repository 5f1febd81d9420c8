#include "io/deadline.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "io/runtime.hpp"
#include "unit/io/coroutines.hpp"

namespace charioteer::io {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;

asio::awaitable<void> nested(TimeSource& time) {
    auto inner = time.deadline_after(10s).limit(wait_for_ever(), "the inner wait");
    co_await time.deadline_after(5s).limit(std::move(inner), "the outer wait");
}

TEST(Deadline, ReturnsTheResultWithinTheLimit) {
    Runtime runtime;
    fakes::ManualTime time;
    auto pending = runtime.start(time.deadline_after(5s).limit(give(3), "late"));
    EXPECT_EQ(*result_of(std::move(pending)), 3);
    EXPECT_EQ(time.sleepers(), 0u);
}

TEST(Deadline, WithoutLimitThereIsNoTimer) {
    Runtime runtime;
    fakes::ManualTime time;
    auto pending = runtime.start(Deadline::never().limit(wait_for_ever(), "late"));
    time.advance(24h);
    EXPECT_EQ(time.sleepers(), 0u);
    pending.cancel();
    EXPECT_THROW(result_of(pending), Interrupted);
}

TEST(Deadline, TheEarlierOfTwoDeadlinesApplies) {
    Runtime runtime;
    fakes::ManualTime time;
    auto pending = runtime.start(nested(time));
    while (time.sleepers() < 2) std::this_thread::yield();
    time.advance(5s);
    try {
        result_of(pending);
        FAIL() << "expected a TimeoutError";
    } catch (const TimeoutError& error) {
        EXPECT_STREQ(error.what(), "the outer wait within 5 s");
    }
}

TEST(Deadline, CancellationIsNotATimeout) {
    Runtime runtime;
    fakes::ManualTime time;
    auto pending = runtime.start(time.deadline_after(5s).limit(wait_for_ever(), "late"));
    while (time.sleepers() < 1) std::this_thread::yield();
    pending.cancel();
    EXPECT_THROW(result_of(pending), Interrupted);
}

}  // namespace
}  // namespace charioteer::io
