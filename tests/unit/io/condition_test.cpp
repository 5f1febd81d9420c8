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

struct Door {
    explicit Door(const asio::any_io_executor& executor) : changed(executor) {}

    Condition changed;
    bool open = false;
    std::atomic<int> waiting = 0;
};

asio::awaitable<int> pass(std::shared_ptr<Door> door, int who) {
    ++door->waiting;
    while (!door->open) co_await door->changed.wait();
    co_return who;
}

asio::awaitable<void> knock(std::shared_ptr<Door> door, bool open) {
    door->open = open;
    door->changed.notify_all();
    co_return;
}

TEST(Condition, WakesAllWhoWaitAndLetsThemLookAgain) {
    Runtime runtime;
    auto door = std::make_shared<Door>(runtime.executor());
    auto first = runtime.start(pass(door, 1));
    auto second = runtime.start(pass(door, 2));
    while (door->waiting < 2) std::this_thread::yield();
    result_of(runtime.start(knock(door, false)));
    EXPECT_FALSE(first.wait_for(0ms));
    result_of(runtime.start(knock(door, true)));
    EXPECT_EQ(result_of(first) + result_of(second), 3);
}

TEST(Condition, ACancelledWaiterGoesAndTheOthersStay) {
    Runtime runtime;
    auto door = std::make_shared<Door>(runtime.executor());
    auto first = runtime.start(pass(door, 1));
    auto second = runtime.start(pass(door, 2));
    while (door->waiting < 2) std::this_thread::yield();
    first.cancel();
    EXPECT_THROW(result_of(first), Interrupted);
    EXPECT_FALSE(second.wait_for(0ms));
    result_of(runtime.start(knock(door, true)));
    EXPECT_EQ(result_of(second), 2);
}

TEST(Runtime, StoppingWakesEveryWaiter) {
    auto runtime = std::make_unique<Runtime>();
    auto door = std::make_shared<Door>(runtime->executor());
    std::vector<Pending<int>> waiters;
    for (int who = 0; who < 10; ++who) waiters.push_back(runtime->start(pass(door, who)));
    while (door->waiting < 10) std::this_thread::yield();
    // Else the last owner of the door would outlive the runtime that its timer is of.
    door.reset();
    runtime.reset();
    for (auto& waiter : waiters) EXPECT_THROW(result_of(waiter), Interrupted);
}

}  // namespace
}  // namespace charioteer::io
