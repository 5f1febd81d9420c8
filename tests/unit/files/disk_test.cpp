#include "files/disk.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <thread>
#include <vector>

#include "io/error.hpp"
#include "io/runtime.hpp"

namespace charioteer::files {
namespace {

using namespace std::chrono_literals;

/// A function that blocks until it is released.
class Hang {
public:
    std::function<int()> function(std::shared_ptr<void> held = nullptr) {
        return [state = state_, held = std::move(held)] {
            state->begun.set_value();
            state->go.get_future().wait();
            return 1;
        };
    }
    void until_begun() { state_->begun.get_future().wait(); }
    void finish() { state_->go.set_value(); }

private:
    struct State {
        std::promise<void> begun;
        std::promise<void> go;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Records the thread that destroys it.
class DestructionRecorder {
public:
    explicit DestructionRecorder(std::promise<std::thread::id> destroyer)
        : destroyer_(std::move(destroyer)) {}
    ~DestructionRecorder() { destroyer_.set_value(std::this_thread::get_id()); }

private:
    std::promise<std::thread::id> destroyer_;
};

class DiskTest : public testing::Test {
protected:
    template <class Function>
    auto run(Function function) {
        return runtime_.start(disk_.run(std::move(function))).get();
    }
    std::thread::id io_thread() {
        auto get_id = []() -> asio::awaitable<std::thread::id> {
            co_return std::this_thread::get_id();
        };
        return runtime_.start(get_id()).get();
    }

    io::Runtime runtime_;
    Disk disk_{runtime_.executor()};
};

TEST_F(DiskTest, ReturnsTheResultOrTheExceptionOfAFunction) {
    EXPECT_EQ(*run([] { return std::make_unique<int>(3); }), 3);
    auto thread = run([] { return std::this_thread::get_id(); });
    EXPECT_NE(thread, io_thread());
    EXPECT_NE(thread, std::this_thread::get_id());
    EXPECT_THROW(run([] { throw io::Error("full"); }), io::Error);
}

TEST_F(DiskTest, BlocksSignalsInItsThreads) {
    auto mask = run([] {
        sigset_t blocked;
        pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        return blocked;
    });
    for (int number : {SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGWINCH})
        EXPECT_EQ(sigismember(&mask, number), 1) << number;
}

TEST_F(DiskTest, AHungFunctionDoesNotDelayOthers) {
    std::vector<Hang> hanging(Disk::default_threads - 1);
    std::vector<io::Pending<int>> pending;
    for (auto& hang : hanging) pending.push_back(runtime_.start(disk_.run(hang.function())));
    for (auto& hang : hanging) hang.until_begun();
    EXPECT_EQ(run([] { return 2; }), 2);
    for (auto& hang : hanging) hang.finish();
    for (auto& each : pending) EXPECT_EQ(each.get(), 1);
}

TEST_F(DiskTest, MoreFunctionsThanThreadsAreQueued) {
    std::vector<io::Pending<int>> pending;
    for (int number = 0; number < 100; ++number)
        pending.push_back(runtime_.start(disk_.run([number] { return number; })));
    for (int number = 0; number < 100; ++number) EXPECT_EQ(pending[number].get(), number);
}

TEST_F(DiskTest, ACancelledWaitEndsImmediatelyAndTheFunctionIsDestroyedOnItsThread) {
    for (int round = 0; round < 20; ++round) {
        Hang hang;
        std::promise<std::thread::id> destroyer;
        auto destroyed_by = destroyer.get_future();
        auto recorder = std::make_shared<DestructionRecorder>(std::move(destroyer));
        auto pending = runtime_.start(disk_.run(hang.function(std::exchange(recorder, nullptr))));
        hang.until_begun();
        pending.cancel();
        EXPECT_THROW(pending.get(), io::Interrupted);
        hang.finish();
        EXPECT_NE(destroyed_by.get(), io_thread());
    }
}

TEST_F(DiskTest, AnOwnedObjectIsDestroyedOnItsThreads) {
    std::promise<std::thread::id> destroyer;
    auto destroyed_by = destroyer.get_future();
    auto owned = disk_.own(std::make_unique<DestructionRecorder>(std::move(destroyer)));
    auto drop = [](std::shared_ptr<DestructionRecorder> last) -> asio::awaitable<void> {
        last.reset();
        co_return;
    };
    runtime_.start(drop(std::exchange(owned, nullptr))).get();
    auto thread = destroyed_by.get();
    EXPECT_NE(thread, io_thread());
    EXPECT_NE(thread, std::this_thread::get_id());
}

TEST_F(DiskTest, ItsEndWaitsForRunningFunctionsAndRejectsNewOnes) {
    Hang hang;
    auto pending = runtime_.start(disk_.run(hang.function()));
    hang.until_begun();
    std::promise<std::thread::id> destroyer;
    auto destroyed_by = destroyer.get_future();
    auto owned = disk_.own(std::make_unique<DestructionRecorder>(std::move(destroyer)));
    hang.finish();
    EXPECT_TRUE(disk_.end(1h));
    EXPECT_EQ(pending.get(), 1);
    EXPECT_THROW(run([] { return 2; }), io::Interrupted);
    owned.reset();
    EXPECT_EQ(destroyed_by.get(), std::this_thread::get_id());
    EXPECT_TRUE(disk_.end(1h));
}

TEST_F(DiskTest, TheResultOfAFunctionThatOutlivesTheIoThreadIsDiscarded) {
    std::vector<Hang> hanging(Disk::default_threads);
    std::vector<io::Pending<int>> pending;
    std::vector<std::future<std::thread::id>> gone;
    for (auto& hang : hanging) {
        std::promise<std::thread::id> destroyer;
        gone.push_back(destroyer.get_future());
        auto recorder = std::make_shared<DestructionRecorder>(std::move(destroyer));
        pending.push_back(runtime_.start(disk_.run(hang.function(std::move(recorder)))));
        hang.until_begun();
    }
    auto waiting = runtime_.start(disk_.run([] { return 2; }));
    while (disk_.end(10ms)) ADD_FAILURE() << "it ended though functions hang";
    runtime_.stop();
    for (auto& each : pending) EXPECT_THROW(each.get(), io::Interrupted);
    EXPECT_THROW(waiting.get(), io::Interrupted);
    for (auto& hang : hanging) hang.finish();
    for (auto& each : gone) each.wait();
}

}  // namespace
}  // namespace charioteer::files
