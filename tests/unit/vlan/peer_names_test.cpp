/// Finding the machines of processes, without delaying anything else.

#include "vlan/peer_names.hpp"

#include <gtest/gtest.h>

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
        return [opened = opened_](pid_t process) {
            if (process >= 100) opened.wait();
            return "m" + std::to_string(process);
        };
    }
    void release() {
        if (!std::exchange(released_, true)) open_.set_value();
    }

private:
    std::promise<void> open_;
    std::shared_future<void> opened_ = open_.get_future().share();
    bool released_ = false;
};

class PeerNamesTest : public testing::Test {
protected:
    /// The next answers, at `now_`; waits until there are some.
    std::vector<PeerNames::Answer> take() {
        EXPECT_TRUE(woken_->try_acquire_for(20s));
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
    other.reset();
    system_.release();
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
        return {{}, {20s, [this, opened = opened_](pid_t) -> std::string {
                         if (++asked_ > 2) opened.wait();
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
    auto plugs = vlan.plugs(time.deadline_after(20s));
    ASSERT_EQ(plugs.size(), 3u);
    EXPECT_EQ(plugs[2].name, "web#3");
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
