/// Finding the machines of processes, without delaying anything else.

#include "vlan/peer_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <future>
#include <semaphore>
#include <thread>

#include "io/time_source.hpp"
#include "plugs.hpp"
#include "vlan/vlan.hpp"

namespace charioteer::vlan {
namespace {

using namespace std::chrono_literals;

/// Processes from 100 on cannot be read about before release().
class SlowSystem {
public:
    ~SlowSystem() { release(); }
    std::function<std::string(pid_t)> find() const {
        return [opened = opened_, blocked = blocked_](pid_t process) {
            if (process >= 100) {
                blocked->release();
                opened.wait();
            }
            return "m" + std::to_string(process);
        };
    }
    /// Waits for a thread that asks about such a process.
    void wait_until_blocked() { EXPECT_TRUE(blocked_->try_acquire_for(100s)); }
    void release() {
        if (!std::exchange(released_, true)) open_.set_value();
    }

private:
    std::promise<void> open_;
    std::shared_future<void> opened_ = open_.get_future().share();
    std::shared_ptr<std::counting_semaphore<>> blocked_ =
        std::make_shared<std::counting_semaphore<>>(0);
    bool released_ = false;
};

/// The system gives no further threads, since it has no memory for their stacks.
class NoThreads {
public:
    NoThreads() {
        ::pthread_getattr_default_np(&before_);
        pthread_attr_t huge;
        ::pthread_attr_init(&huge);
        ::pthread_attr_setstacksize(&huge, std::size_t{1} << 47);
        EXPECT_EQ(::pthread_setattr_default_np(&huge), 0);
        ::pthread_attr_destroy(&huge);
    }
    NoThreads(const NoThreads&) = delete;
    NoThreads& operator=(const NoThreads&) = delete;
    ~NoThreads() {
        ::pthread_setattr_default_np(&before_);
        ::pthread_attr_destroy(&before_);
    }

private:
    pthread_attr_t before_;
};

class PeerNamesTest : public testing::Test {
protected:
    /// The next answers, at `now_`; waits until there are some.
    std::vector<PeerNames::Answer> take() {
        EXPECT_TRUE(woken_->try_acquire_for(100s));
        return names_.take(now_);
    }

    /// Threads that are left to themselves call nothing of the test.
    SlowSystem system_;
    std::shared_ptr<std::counting_semaphore<>> woken_ =
        std::make_shared<std::counting_semaphore<>>(0);
    io::TimePoint now_{1h};
    PeerNames names_{{10s, system_.find()}, [woken = woken_] { woken->release(); }};
};

TEST_F(PeerNamesTest, AnswersComeInTheOrderOfTheQuestions) {
    EXPECT_FALSE(names_.is_waiting());
    for (std::uint64_t ticket = 1; ticket <= 20; ++ticket)
        names_.ask(ticket, static_cast<pid_t>(ticket), now_);
    std::vector<PeerNames::Answer> answers;
    while (names_.is_waiting())
        for (auto& each : take()) answers.push_back(std::move(each));
    ASSERT_EQ(answers.size(), 20u);
    for (std::uint64_t ticket = 1; ticket <= 20; ++ticket) {
        EXPECT_EQ(answers[ticket - 1].ticket, ticket);
        EXPECT_EQ(answers[ticket - 1].machine, "m" + std::to_string(ticket));
        EXPECT_FALSE(answers[ticket - 1].is_late);
    }
    EXPECT_EQ(names_.next_due(), std::nullopt);
}

TEST_F(PeerNamesTest, AProcessThatIsBlockedKeepsTheOthersWaitingUntilTheLimitOnly) {
    names_.ask(1, 100, now_);
    names_.ask(2, 7, now_);
    EXPECT_EQ(names_.next_due(), now_ + 10s);
    EXPECT_TRUE(names_.take(now_ + 9s).empty());
    now_ += 10s;
    auto answers = names_.take(now_);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].ticket, 1u);
    EXPECT_EQ(answers[0].machine, "");
    EXPECT_TRUE(answers[0].is_late);
    EXPECT_EQ(names_.next_due(), now_ + 10s);
    answers = take();
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].machine, "m7");
    EXPECT_FALSE(names_.is_waiting());
}

TEST_F(PeerNamesTest, TheEndDoesNotWaitForAProcessThatIsBlocked) {
    auto other = std::make_unique<PeerNames>(PeerNames::Settings{10s, system_.find()}, [] {});
    other->ask(1, 100, now_);
    system_.wait_until_blocked();
    other.reset();
    system_.release();
}

TEST_F(PeerNamesTest, WithoutAnotherThreadAllAreLate) {
    names_.ask(1, 100, now_);
    names_.ask(2, 7, now_);
    system_.wait_until_blocked();
    now_ += 10s;
    {
        NoThreads none;
        auto answers = names_.take(now_);
        ASSERT_EQ(answers.size(), 2u);
        for (const auto& each : answers) EXPECT_TRUE(each.is_late);
        EXPECT_FALSE(names_.is_waiting());
        names_.ask(3, 8, now_);
        answers = names_.take(now_);
        ASSERT_EQ(answers.size(), 1u);
        EXPECT_EQ(answers[0].ticket, 3u);
    }
    names_.ask(4, 9, now_);
    EXPECT_TRUE(names_.take(now_).empty());
    auto answers = take();
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].machine, "m9");
}

/// Carol's VLAN, on which the system does not say to which machine other plugs belong.
class VlanWithoutNames : public testing::Test {
protected:
    fakes::TemporaryDirectory directory_;
    fakes::EventLog log_;
    std::promise<void> open_;
    std::shared_future<void> opened_ = open_.get_future().share();
    std::atomic<int> asked_{0};
    VlanSettings settings() {
        return {{}, {1h, [this, opened = opened_](pid_t) -> std::string {
                         bool has_to_wait = ++asked_ > 2;
                         asked_.notify_all();
                         if (has_to_wait) opened.wait();
                         return "web";
                     }}};
    }
};

TEST_F(VlanWithoutNames, APlugThatHasToWaitDelaysNoFrameOfOthers) {
    Vlan vlan(1, directory_.path(), log_.sink(), settings());
    fakes::FakeVdePlug alice(vlan.control_directory());
    fakes::FakeVdePlug bob(vlan.control_directory());
    auto late = std::make_unique<fakes::FakeStreamPlug>(vlan.stream_path());
    auto waiting = fakes::frame(fakes::carol, fakes::broadcast, "waiting");
    late->send(waiting);
    for (const auto* text : {"one", "two"}) {
        alice.send(fakes::frame(fakes::alice, fakes::broadcast, text));
        EXPECT_EQ(bob.receive(), fakes::frame(fakes::alice, fakes::broadcast, text));
    }
    open_.set_value();
    EXPECT_EQ(bob.receive(), waiting);
    io::SteadyTime time;
    auto plugs = vlan.plugs(time.deadline_after(100s));
    ASSERT_EQ(plugs.size(), 3u);
    EXPECT_EQ(plugs[2].name, "web#3");
    vlan.stop({});
}

TEST_F(VlanWithoutNames, APlugThatHasToWaitIsTheReasonWhyPlugsAreNotKnown) {
    Vlan vlan(1, directory_.path(), log_.sink(), settings());
    std::vector<std::unique_ptr<fakes::FakeStreamPlug>> plugs;
    for (int plug = 0; plug < 3; ++plug)
        plugs.push_back(std::make_unique<fakes::FakeStreamPlug>(vlan.stream_path()));
    for (int asked = asked_; asked < 3; asked = asked_) asked_.wait(asked);
    io::SteadyTime time;
    try {
        vlan.plugs(time.deadline_after(3s));
        ADD_FAILURE() << "all plugs are known";
    } catch (const io::TimeoutError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("does not know the machine of each plug"));
    }
    open_.set_value();
    EXPECT_EQ(vlan.plugs(time.deadline_after(100s)).size(), 3u);
    vlan.stop({});
}

TEST_F(VlanWithoutNames, APlugThatHasToWaitMayDisconnect) {
    Vlan vlan(1, directory_.path(), log_.sink(), settings());
    fakes::FakeVdePlug alice(vlan.control_directory());
    fakes::FakeVdePlug bob(vlan.control_directory());
    {
        fakes::FakeStreamPlug stream(vlan.stream_path());
        auto vde = fakes::connect_to(vlan.control_directory() / "ctl");
        fakes::send_all(vde.get(), fakes::vde_request("/nowhere"));
    }
    // With each of these frames the segment serves everything that is ready: the connections, the
    // request, its end.
    for (const auto* text : {"one", "two", "three", "four"}) {
        alice.send(fakes::frame(fakes::alice, fakes::broadcast, text));
        EXPECT_EQ(bob.receive(), fakes::frame(fakes::alice, fakes::broadcast, text));
    }
    open_.set_value();
    fakes::FakeVdePlug carol(vlan.control_directory());
    carol.send(fakes::frame(fakes::carol, fakes::broadcast, "carol"));
    EXPECT_EQ(bob.receive(), fakes::frame(fakes::carol, fakes::broadcast, "carol"));
    vlan.stop({});
    EXPECT_TRUE(log_.warnings().empty());
}

}  // namespace
}  // namespace charioteer::vlan
