#include "io/single_flight.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "io/error.hpp"

namespace charioteer::io {
namespace {

/// Callers of one SingleFlight on an io_context that the test polls.
class SingleFlightTest : public testing::Test {
protected:
    struct Caller {
        asio::cancellation_signal cancel;
        bool ended = false;
        int value = 0;
        std::string error;
    };

    /// Filters all cancellation.
    static asio::cancellation_type ignore(asio::cancellation_type) {
        return asio::cancellation_type::none;
    }
    /// Waits until the test opens the gate; returns the number of the run.
    asio::awaitable<int> operate() {
        ++runs_;
        ++running_;
        most_running_ = std::max(most_running_, running_);
        struct Count {
            int& count;
            ~Count() { --count; }
        } count{running_};
        if (slow_to_cancel_) co_await asio::this_coro::reset_cancellation_state(ignore);
        while (!open_) co_await gate_.wait();
        if (!failure_.empty()) throw Error(failure_);
        co_return runs_;
    }
    void turn() {
        context_.restart();
        context_.poll();
    }
    std::shared_ptr<Caller> call() {
        auto caller = std::make_shared<Caller>();
        auto take = [caller](std::exception_ptr failure, int value) {
            caller->ended = true;
            caller->value = value;
            try {
                if (failure) std::rethrow_exception(failure);
            } catch (const std::exception& error) {
                caller->error = error.what();
            }
        };
        asio::co_spawn(context_, flight_.run([this] { return operate(); }),
                       asio::bind_cancellation_slot(caller->cancel.slot(), take));
        turn();
        return caller;
    }
    void cancel(Caller& caller) {
        caller.cancel.emit(asio::cancellation_type::terminal);
        turn();
    }
    void open() {
        open_ = true;
        gate_.notify_all();
        turn();
    }

    asio::io_context context_;
    Condition gate_{context_.get_executor()};
    SingleFlight<int> flight_;
    bool open_ = false;
    bool slow_to_cancel_ = false;
    std::string failure_;
    int runs_ = 0;
    int running_ = 0;
    int most_running_ = 0;
};

TEST_F(SingleFlightTest, CallersShareOneRunAndItsResult) {
    auto first = call();
    auto second = call();
    EXPECT_TRUE(flight_.running());
    open();
    EXPECT_EQ(runs_, 1);
    EXPECT_EQ(first->value, 1);
    EXPECT_EQ(second->value, 1);
    EXPECT_FALSE(flight_.running());
}

TEST_F(SingleFlightTest, CallersShareTheError) {
    failure_ = "it broke";
    auto first = call();
    auto second = call();
    open();
    EXPECT_EQ(first->error, "it broke");
    EXPECT_EQ(second->error, "it broke");
}

TEST_F(SingleFlightTest, AfterTheEndTheNextCallerRunsItAgain) {
    open();
    EXPECT_EQ(call()->value, 1);
    EXPECT_EQ(call()->value, 2);
}

TEST_F(SingleFlightTest, ACancelledCallerLeavesTheRunToTheOthers) {
    auto first = call();
    auto second = call();
    cancel(*first);
    EXPECT_TRUE(first->ended);
    EXPECT_FALSE(second->ended);
    open();
    EXPECT_EQ(second->value, 1);
}

TEST_F(SingleFlightTest, TheLastCancelledCallerCancelsTheRun) {
    auto first = call();
    auto second = call();
    cancel(*first);
    cancel(*second);
    EXPECT_EQ(running_, 0);
    open();
    EXPECT_EQ(call()->value, 2);
}

TEST_F(SingleFlightTest, ANewCallerWaitsForTheEndOfACancelledRun) {
    slow_to_cancel_ = true;
    auto first = call();
    cancel(*first);
    auto second = call();
    EXPECT_EQ(runs_, 1);
    open();
    EXPECT_EQ(second->value, 2);
    EXPECT_EQ(most_running_, 1);
}

TEST_F(SingleFlightTest, DestroyingTheContextCancelsNothing) {
    call();
    call();
    // The fixture destroys the context with both callers and the run in it.
}

}  // namespace
}  // namespace charioteer::io
