#include "io/runtime.hpp"

#include <gtest/gtest.h>

#include "fakes/manual_time.hpp"

namespace charioteer::io {
namespace {

using namespace std::chrono_literals;

asio::awaitable<int> answer() {
    co_return 42;
}

asio::awaitable<void> sleep_for_ever(TimeSource& time) {
    co_await time.sleep_until(TimePoint::max());
}

asio::awaitable<void> fail_at_once() {
    throw Error("broken");
    co_return;
}

TEST(Runtime, ReturnsTheResultToTheWaitingThread) {
    Runtime runtime;
    EXPECT_EQ(runtime.start(answer()).get(), 42);
}

TEST(Runtime, StoppingWakesEveryWaiter) {
    Runtime runtime;
    fakes::ManualTime time;
    auto first = runtime.start(sleep_for_ever(time));
    auto second = runtime.start(sleep_for_ever(time));
    runtime.stop();
    EXPECT_THROW(first.get(), Interrupted);
    EXPECT_THROW(second.get(), Interrupted);
}

TEST(Runtime, RejectsWorkAfterItStopped) {
    Runtime runtime;
    runtime.stop();
    EXPECT_THROW(runtime.start(answer()), Interrupted);
}

TEST(Runtime, CancellingEndsTheWaitAsInterrupted) {
    Runtime runtime;
    fakes::ManualTime time;
    auto pending = runtime.start(sleep_for_ever(time));
    pending.cancel();
    EXPECT_THROW(pending.get(), Interrupted);
}

TEST(Runtime, StartingOnTheIoThreadIsAProgrammingError) {
    Runtime runtime;
    auto nested = [](Runtime& inner) -> asio::awaitable<void> {
        inner.start(answer());
        co_return;
    };
    EXPECT_THROW(runtime.start(nested(runtime)).get(), std::logic_error);
}

TEST(Deadline, ThrowsWhenTheClockPassesIt) {
    Runtime runtime;
    fakes::ManualTime time;
    auto pending =
        runtime.start(time.deadline_after(5s).limit(sleep_for_ever(time), "web: no answer"));
    while (time.sleepers() < 2) std::this_thread::yield();
    time.advance(5s);
    try {
        pending.get();
        FAIL() << "expected a TimeoutError";
    } catch (const TimeoutError& error) {
        EXPECT_STREQ(error.what(), "web: no answer within 5 s");
    }
}

TEST(Deadline, AnImmediateErrorIsNotATimeout) {
    Runtime runtime;
    fakes::ManualTime time;
    auto pending = runtime.start(time.deadline_after(5s).limit(fail_at_once(), "late"));
    EXPECT_THROW(
        {
            try {
                pending.get();
            } catch (const Error& error) {
                EXPECT_STREQ(error.what(), "broken");
                throw;
            }
        },
        Error);
}

TEST(Deadline, DoesNotOverflow) {
    fakes::ManualTime time;
    auto deadline = time.deadline_after(Duration::max());
    EXPECT_EQ(deadline.when(), TimePoint::max());
}

}  // namespace
}  // namespace charioteer::io
