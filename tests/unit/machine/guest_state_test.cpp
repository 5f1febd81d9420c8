#include "machine/guest_state.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class GuestStateTest : public testing::Test {
protected:
    void tell(std::string_view event, std::string_view data = "{}") {
        std::string text = "{\"event\": \"";
        text.append(event).append("\", \"data\": ").append(data).append("}");
        state_->take_event(json::parse(text).as_object());
    }

    asio::io_context context_;
    std::shared_ptr<GuestState> state_ = std::make_shared<GuestState>(context_.get_executor());
};

TEST_F(GuestStateTest, ARunningGuestNeedsNoWords) {
    EXPECT_EQ(state_->describe(), "");
    tell("STOP");
    EXPECT_THAT(state_->describe(), HasSubstr("stopped by its monitor"));
    tell("RESUME");
    EXPECT_EQ(state_->describe(), "");
}

TEST_F(GuestStateTest, ItSleepsUntilItWakesUpOrStartsAnew) {
    for (auto event : {"WAKEUP", "RESET"}) {
        tell("SUSPEND");
        EXPECT_TRUE(state_->asleep());
        EXPECT_EQ(state_->describe(), "the guest is suspended");
        tell(event);
        EXPECT_FALSE(state_->asleep());
    }
    state_->set_devices_shut(true);
    EXPECT_TRUE(state_->asleep());
    EXPECT_THAT(state_->describe(), HasSubstr("sleeps"));
}

TEST_F(GuestStateTest, ASnapshotCountsAsLoadedWhenItsJobSucceeds) {
    auto job = [](std::string_view id, std::string_view status) {
        return fmt::format(R"({{"id": "{}", "status": "{}"}})", id, status);
    };
    state_->expect_restore("one");
    for (auto status : {"created", "running", "aborting", "concluded"})
        tell("JOB_STATUS_CHANGE", job("one", status));
    // A later job may have the same id.
    tell("JOB_STATUS_CHANGE", job("one", "pending"));
    EXPECT_EQ(state_->times_restored(), 0U);
    state_->expect_restore("two");
    tell("JOB_STATUS_CHANGE", job("other", "pending"));
    EXPECT_EQ(state_->times_restored(), 0U);
    for (auto status : {"created", "running", "waiting", "pending", "concluded"})
        tell("JOB_STATUS_CHANGE", job("two", status));
    EXPECT_EQ(state_->times_restored(), 1U);
    // Refused; a job to save a snapshot may take its id.
    state_->expect_restore("three");
    state_->forget_restore("three");
    tell("JOB_STATUS_CHANGE", job("three", "pending"));
    EXPECT_EQ(state_->times_restored(), 1U);
}

TEST_F(GuestStateTest, SaysWhyQemuEnds) {
    EXPECT_EQ(state_->why_ended(), "");
    tell("SHUTDOWN", R"({"guest": true, "reason": "guest-shutdown"})");
    EXPECT_EQ(state_->why_ended(), "the guest powered itself off");
    tell("SHUTDOWN", R"({"guest": true, "reason": "guest-reset"})");
    EXPECT_EQ(state_->why_ended(),
              "the guest reset itself and start(allow_reboot=True) was not given");
    tell("SHUTDOWN", R"({"guest": false, "reason": "host-signal"})");
    EXPECT_EQ(state_->why_ended(), "a signal asked it to end");
    tell("SHUTDOWN", R"({"guest": false, "reason": "something-new"})");
    EXPECT_EQ(state_->why_ended(), "QEMU gave the reason something-new");
    tell("SHUTDOWN", "7");
    EXPECT_EQ(state_->why_ended(), "the guest shut down");
    tell("RESET", R"({"guest": false, "reason": "host-qmp-system-reset"})");
    EXPECT_EQ(state_->why_ended(), "");
}

TEST_F(GuestStateTest, ASnapshotThatWasLoadedIsToldToAllWhoAsk) {
    int told = 0;
    state_->on_restored([&] { ++told; });
    state_->on_restored([&] { ++told; });
    tell("SUSPEND");
    state_->note_restored();
    EXPECT_EQ(told, 2);
    EXPECT_FALSE(state_->asleep());
}

}  // namespace
}  // namespace charioteer::machine
