#include "machine/unit_changes.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "fakes/manual_time.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

class UnitChangesTest : public testing::Test {
protected:
    void change(const std::string& unit, const std::string& active, const std::string& sub = "") {
        changes_.take({unit, active, sub}, "");
    }

    fakes::ManualTime time_;
    std::vector<io::Event> events_;
    UnitChanges changes_{"server", time_,
                         [this](const io::Event& event) { events_.push_back(event); }};
};

TEST_F(UnitChangesTest, AChangeIsAnEventOfTheMachine) {
    change("web.service", "active", "running");
    ASSERT_EQ(events_.size(), 1U);
    EXPECT_EQ(events_[0].kind, io::EventKind::state);
    EXPECT_EQ(events_[0].machine, "server");
    EXPECT_EQ(events_[0].text, "unit");
    EXPECT_THAT(events_[0].details, ElementsAre(Pair("unit", "web.service"),
                                                Pair("active", "active"), Pair("sub", "running")));
}

TEST_F(UnitChangesTest, TheSameStateIsReportedOnce) {
    change("web.service", "activating", "start");
    change("web.service", "activating", "start");
    change("web.service", "activating", "auto-restart");
    change("db.service", "activating", "start");
    EXPECT_EQ(events_.size(), 3U);
}

TEST_F(UnitChangesTest, UnitsOfUsersAreOthers) {
    change("web.service", "active");
    changes_.take({"web.service", "active", ""}, "ada");
    ASSERT_EQ(events_.size(), 2U);
    EXPECT_THAT(events_[1].details, ElementsAre(Pair("unit", "web.service"),
                                                Pair("active", "active"), Pair("user", "ada")));
}

TEST_F(UnitChangesTest, AfterARebootEveryStateIsNew) {
    change("web.service", "active");
    changes_.forget();
    change("web.service", "active");
    EXPECT_EQ(events_.size(), 2U);
}

TEST_F(UnitChangesTest, AFloodIsCountedInsteadOfReported) {
    for (int number = 0; number < 300; ++number)
        change(fmt::format("{}.service", number), "active");
    EXPECT_EQ(events_.size(), 200U);
    time_.advance(50ms);
    change("late.service", "active");
    ASSERT_EQ(events_.size(), 201U);
    EXPECT_THAT(events_.back().details,
                ElementsAre(Pair("unit", "late.service"), Pair("active", "active"),
                            Pair("left_out", "100")));
    change("later.service", "active");
    EXPECT_EQ(events_.size(), 201U);
}

TEST_F(UnitChangesTest, ManyUnitsAreForgottenButStillReported) {
    for (int number = 0; number < 5000; ++number) {
        time_.advance(1s);
        change(fmt::format("{}.service", number), "active");
    }
    EXPECT_EQ(events_.size(), 5000U);
}

}  // namespace
}  // namespace charioteer::machine
