// Waits for units in a guest without an agent, against a runner that answers at once. The clock
// is manual.

#include "machine/unit_watcher.hpp"

#include "fakes/manual_time.hpp"
#include "unit/machine/fake_runner.hpp"
#include "unit/machine/machine_fixture.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto show = "systemctl --no-pager show --property=ActiveState \"web\"";
constexpr auto list_jobs = "systemctl list-jobs --full 2>&1";
constexpr auto status = "systemctl --no-pager --lines=10 status \"web\" 2>&1 || true";

class UnitWatcherTest : public MachineTest {
protected:
    void SetUp() override {
        MachineTest::SetUp();
        auto machine = make(plain);
        run(machine->start(options()));
        const auto& parts = machine->parts();
        // The same QEMU with another clock.
        auto host = std::make_shared<Host>(runtime_.executor(), time_);
        context_ = std::make_shared<Context>(machine->config(), host, [](const auto&) {});
        context_->set_qemu(run_on_io([&] { return parts.context->qemu(); }));
        watcher_ = std::make_shared<UnitWatcher>(context_, parts.agent, runner_);
    }
    void TearDown() override {
        run_on_io([this] {
            watcher_.reset();
            context_.reset();
            return 0;
        });
        MachineTest::TearDown();
    }
    static command::Outcome state(std::string_view name) {
        return outcome(0, fmt::format("ActiveState={}\n", name));
    }
    /// Advances the clock until the wait has ended, but only while it pauses between two queries:
    /// on a busy host the limit would pass before the next query.
    void wait(Limit limit = {60s, "60"}, std::optional<std::string> user = std::nullopt) {
        constexpr std::size_t limit_and_pause = 2;
        auto pending =
            runtime_.start(watcher_->wait_until_active("web", std::move(user), std::move(limit)));
        while (!pending.wait_for(1ms))
            if (time_.sleepers() >= limit_and_pause) time_.advance(500ms);
        pending.get();
    }
    std::vector<std::string> commands() const {
        std::vector<std::string> texts;
        for (const auto& command : runner_->commands()) texts.push_back(command.text);
        return texts;
    }

    fakes::ManualTime time_;
    std::shared_ptr<FakeRunner> runner_ = std::make_shared<FakeRunner>();
    std::shared_ptr<Context> context_;
    std::shared_ptr<UnitWatcher> watcher_;
};

TEST_F(UnitWatcherTest, QueriesUntilTheUnitIsActive) {
    runner_->answer({state("activating"), state("activating"), state("active")});
    wait();
    EXPECT_THAT(commands(), ElementsAre(show, show, show));
    EXPECT_EQ(runner_->limits().front(), "210");
}

TEST_F(UnitWatcherTest, AFailedUnitEndsTheWaitAndItsStatusIsNoted) {
    runner_->answer({state("failed"), outcome(0, "code=exited\n")});
    auto failure = failure_of<RequestFailed>([&] { wait(); });
    EXPECT_STREQ(failure.what(), "unit \"web\" reached state \"failed\"");
    EXPECT_THAT(all_notes(failure), HasSubstr("systemctl status:\ncode=exited\n"));
    EXPECT_THAT(commands(), ElementsAre(show, status));
}

TEST_F(UnitWatcherTest, AnInactiveUnitWithoutJobsEndsTheWait) {
    runner_->answer({state("inactive"), outcome(0, "No jobs running.\n"), state("inactive"),
                     outcome(0, "dead")});
    auto failure = failure_of<RequestFailed>([&] { wait(); });
    EXPECT_STREQ(failure.what(), "unit \"web\" is inactive and there are no pending jobs");
    EXPECT_THAT(commands(), ElementsAre(show, list_jobs, show, status));
}

TEST_F(UnitWatcherTest, AJobThatEndsBetweenTheQueriesIsNotAFailure) {
    runner_->answer({state("inactive"), outcome(0, "No jobs running.\n"), state("activating"),
                     state("active")});
    wait();
    EXPECT_THAT(commands(), ElementsAre(show, list_jobs, show, show));
}

TEST_F(UnitWatcherTest, AnInactiveUnitWithAJobIsWaitedFor) {
    runner_->answer({state("inactive"), outcome(0, "1 web.service start\n"), state("active")});
    wait();
    EXPECT_THAT(commands(), ElementsAre(show, list_jobs, show));
}

TEST_F(UnitWatcherTest, AWaitThatTimesOutNamesItsLimit) {
    runner_->answer({state("activating")});
    auto failure = failure_of<RequestFailed>([&] { wait({2s, "2"}); });
    EXPECT_THAT(failure.what(), HasSubstr("seconds (timeout=2)"));
    EXPECT_THAT(all_notes(failure), HasSubstr("s for unit \"web\""));
    // At the beginning, in between, and once more at the limit; then its status.
    EXPECT_GT(commands().size(), 3U);
    EXPECT_EQ(commands().back(), status);
}

TEST_F(UnitWatcherTest, AQueryThatTimesOutIsRepeated) {
    runner_->answer({outcome(124), state("active")});
    wait();
    EXPECT_THAT(commands(), ElementsAre(show, show));
}

TEST_F(UnitWatcherTest, AQueryThatTimesOutAfterTheLimitEndsTheWait) {
    runner_->answer({outcome(124)});
    auto failure = failure_of<RequestFailed>([&] { wait({0s, "0"}); });
    EXPECT_THAT(all_notes(failure), HasSubstr(fmt::format("web: the last try of `{}` has had no "
                                                          "answer for 0.0 s",
                                                          show)));
}

TEST_F(UnitWatcherTest, AQueryForAUnitOfAUserRunsAsTheUser) {
    runner_->answer({outcome(1)});
    auto failure = failure_of<RequestFailed>([&] { wait({60s, "60"}, "alice"); });
    EXPECT_STREQ(failure.what(),
                 "retrieving systemctl info for unit \"web\" under user \"alice\" failed with exit "
                 "code 1");
    EXPECT_THAT(commands().front(), HasSubstr("su -l alice "));
}

}  // namespace
}  // namespace charioteer::machine
