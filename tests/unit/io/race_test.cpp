#include "io/race.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>

#include "fakes/peer.hpp"
#include "io/condition.hpp"
#include "io/error.hpp"
#include "io/runtime.hpp"
#include "unit/io/coroutines.hpp"

namespace charioteer::io {
namespace {

using fakes::result_of;

asio::awaitable<void> end_at_once() {
    co_return;
}

asio::awaitable<void> fail(const char* why) {
    throw Error(why);
    co_return;
}

TEST(Race, ReturnsTheResultOfTheOperation) {
    Runtime runtime;
    auto result = result_of(runtime.start(race(give(3), wait_for_ever())));
    ASSERT_TRUE(result);
    EXPECT_EQ(**result, 3);
}

TEST(Race, ReturnsNothingIfTheOtherEndsFirst) {
    Runtime runtime;
    EXPECT_FALSE(result_of(runtime.start(race(wait_for_ever(), end_at_once()))));
}

TEST(Race, AnExceptionOfTheOtherIsThrown) {
    Runtime runtime;
    auto raced = runtime.start(race(wait_for_ever(), fail("the other failed")));
    try {
        result_of(std::move(raced));
        FAIL() << "expected an Error";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "the other failed");
    }
}

/// Ends with `value` when it is cancelled, like an operation that can no longer be undone.
asio::awaitable<int> finish_when_cancelled(int value, std::shared_ptr<std::promise<void>> waiting) {
    Condition condition(co_await asio::this_coro::executor);
    waiting->set_value();
    try {
        for (;;) co_await condition.wait();
    } catch (const boost::system::system_error&) {
        co_return value;
    }
}

TEST(Race, TheOutcomeOfACancelledRaceIsThatOfTheOperation) {
    Runtime runtime;
    auto waiting = std::make_shared<std::promise<void>>();
    auto reached = waiting->get_future();
    auto raced = runtime.start(race(finish_when_cancelled(7, waiting), wait_for_ever()));
    reached.wait();
    raced.cancel();
    EXPECT_EQ(result_of(std::move(raced)), 7);
}

}  // namespace
}  // namespace charioteer::io
