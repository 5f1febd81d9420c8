#include "io/condition.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "fakes/peer.hpp"
#include "io/runtime.hpp"

namespace charioteer::io {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;

struct Gate {
    explicit Gate(const asio::any_io_executor& executor) : changed(executor) {}

    Condition changed;
    bool open = false;
    std::atomic<int> waiting = 0;
};

asio::awaitable<int> pass(std::shared_ptr<Gate> gate, int who) {
    ++gate->waiting;
    while (!gate->open) co_await gate->changed.wait();
    co_return who;
}

asio::awaitable<void> knock(std::shared_ptr<Gate> gate, bool open) {
    gate->open = open;
    gate->changed.notify_all();
    co_return;
}

TEST(Condition, WakesAllWaitersToCheckAgain) {
    Runtime runtime;
    auto gate = std::make_shared<Gate>(runtime.executor());
    auto first = runtime.start(pass(gate, 1));
    auto second = runtime.start(pass(gate, 2));
    while (gate->waiting < 2) std::this_thread::yield();
    result_of(runtime.start(knock(gate, false)));
    EXPECT_FALSE(first.wait_for(0ms));
    result_of(runtime.start(knock(gate, true)));
    EXPECT_EQ(result_of(first) + result_of(second), 3);
}

TEST(Condition, ACancelledWaiterDoesNotAffectTheOthers) {
    Runtime runtime;
    auto gate = std::make_shared<Gate>(runtime.executor());
    auto first = runtime.start(pass(gate, 1));
    auto second = runtime.start(pass(gate, 2));
    while (gate->waiting < 2) std::this_thread::yield();
    first.cancel();
    EXPECT_THROW(result_of(first), Interrupted);
    EXPECT_FALSE(second.wait_for(0ms));
    result_of(runtime.start(knock(gate, true)));
    EXPECT_EQ(result_of(second), 2);
}

TEST(Condition, StoppingTheRuntimeWakesEveryWaiter) {
    auto runtime = std::make_unique<Runtime>();
    auto gate = std::make_shared<Gate>(runtime->executor());
    std::vector<Pending<int>> waiters;
    for (int who = 0; who < 10; ++who) waiters.push_back(runtime->start(pass(gate, who)));
    while (gate->waiting < 10) std::this_thread::yield();
    // Otherwise the gate, whose timer belongs to the runtime, would outlive it.
    gate.reset();
    runtime.reset();
    for (auto& waiter : waiters) EXPECT_THROW(result_of(waiter), Interrupted);
}

}  // namespace
}  // namespace charioteer::io
