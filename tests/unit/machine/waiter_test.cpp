// Waits that retry a command, against a runner that answers at once. The clock
// is manual.

#include "machine/waiter.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/manual_time.hpp"
#include "fakes/temporary_directory.hpp"
#include "io/runtime.hpp"
#include "machine/qemu_agent.hpp"
#include "unit/machine/fake_runner.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class WaiterTest : public testing::Test {
protected:
    void SetUp() override {
        MachineConfig config;
        config.name = "web";
        config.state_directory = directory_.path();
        auto host = std::make_shared<Host>(runtime_.executor(), time_);
        auto context = std::make_shared<Context>(std::move(config), host, [](const auto&) {});
        auto agent = std::make_shared<QemuAgent>(context);
        waiter_ = std::make_shared<Waiter>(context, agent, runner_);
    }
    /// Advances the clock until the wait has ended, but only while it pauses between two tries: on
    /// a busy host the limit would pass before the next try.
    std::string wait(CommandWait wait) {
        constexpr std::size_t limit_and_pause = 2;
        auto pending = runtime_.start(waiter_->wait(std::move(wait)));
        while (!pending.wait_for(1ms))
            if (time_.sleepers() >= limit_and_pause) time_.advance(500ms);
        return pending.get();
    }

    fakes::ManualTime time_;
    fakes::TemporaryDirectory directory_;
    io::Runtime runtime_;
    // Declared last, since these use the runtime until their destruction.
    std::shared_ptr<FakeRunner> runner_ = std::make_shared<FakeRunner>();
    std::shared_ptr<Waiter> waiter_;
};

TEST_F(WaiterTest, TriesUntilTheCommandSucceedsUnderTheLimitOfTheWait) {
    runner_->answer({outcome(1), outcome(124), outcome(0, "done\n")});
    EXPECT_EQ(wait({"test", true, Limit{60s, "60"}}), "done\n");
    EXPECT_THAT(runner_->limits(), ElementsAre("60", "60", "60"));
}

TEST_F(WaiterTest, AProbeThatTimesOutIsRepeated) {
    runner_->answer({outcome(124), outcome(0), outcome(1)});
    wait({"nc", false, Limit{60s, "60"}, CommandWait::Kind::probe});
    EXPECT_EQ(runner_->commands().size(), 3U);
    EXPECT_EQ(runner_->limits().front(), "210");
}

TEST_F(WaiterTest, AWaitThatTimesOutReportsTheLastTry) {
    runner_->answer({outcome(3, "seen\n")});
    try {
        wait({"test", true, Limit{2s, "2"}});
        FAIL() << "nothing was thrown";
    } catch (const RequestFailed& error) {
        EXPECT_THAT(error.what(), HasSubstr("(timeout=2)"));
        std::string notes;
        for (const auto& note : error.notes()) notes += note + "\n";
        EXPECT_THAT(notes, HasSubstr("web: the last try of `test` ended with status 3"));
        EXPECT_THAT(notes, HasSubstr("its output: seen"));
    }
    // At the beginning, in between, and once more at the limit.
    EXPECT_GT(runner_->commands().size(), 2U);
}

TEST_F(WaiterTest, AProbeThatTimesOutAfterTheLimitEndsTheWait) {
    runner_->answer({outcome(124)});
    EXPECT_THROW(wait({"nc", false, Limit{0s, "0"}, CommandWait::Kind::probe}), RequestFailed);
    EXPECT_THAT(runner_->limits(), ElementsAre("150"));
}

}  // namespace
}  // namespace charioteer::machine
