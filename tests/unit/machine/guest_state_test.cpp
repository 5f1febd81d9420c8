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
    void send_event(std::string_view event, std::string_view data = "{}") {
        std::string text = "{\"event\": \"";
        text.append(event).append("\", \"data\": ").append(data).append("}");
        state_->handle_event(json::parse(text).as_object());
    }

    asio::io_context context_;
    std::shared_ptr<GuestState> state_ = std::make_shared<GuestState>(context_.get_executor());
};

TEST_F(GuestStateTest, ARunningGuestHasNoDescription) {
    EXPECT_EQ(state_->describe(), "");
    send_event("STOP");
    EXPECT_THAT(state_->describe(), HasSubstr("stopped by its monitor"));
    send_event("RESUME");
    EXPECT_EQ(state_->describe(), "");
}

TEST_F(GuestStateTest, IsSuspendedUntilWakeupOrReset) {
    for (auto event : {"WAKEUP", "RESET"}) {
        send_event("SUSPEND");
        EXPECT_TRUE(state_->asleep());
        EXPECT_EQ(state_->describe(), "the guest is suspended");
        send_event(event);
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
        send_event("JOB_STATUS_CHANGE", job("one", status));
    // A later job may have the same id.
    send_event("JOB_STATUS_CHANGE", job("one", "pending"));
    EXPECT_EQ(state_->times_restored(), 0U);
    state_->expect_restore("two");
    send_event("JOB_STATUS_CHANGE", job("other", "pending"));
    EXPECT_EQ(state_->times_restored(), 0U);
    for (auto status : {"created", "running", "waiting", "pending", "concluded"})
        send_event("JOB_STATUS_CHANGE", job("two", status));
    EXPECT_EQ(state_->times_restored(), 1U);
    // A rejected job; a job that saves a snapshot may have the same id.
    state_->expect_restore("three");
    state_->forget_restore("three");
    send_event("JOB_STATUS_CHANGE", job("three", "pending"));
    EXPECT_EQ(state_->times_restored(), 1U);
}

TEST_F(GuestStateTest, DescribesWhyQemuEnds) {
    EXPECT_EQ(state_->why_ended(), "");
    send_event("SHUTDOWN", R"({"guest": true, "reason": "guest-shutdown"})");
    EXPECT_EQ(state_->why_ended(), "the guest powered itself off");
    send_event("SHUTDOWN", R"({"guest": true, "reason": "guest-reset"})");
    EXPECT_EQ(state_->why_ended(),
              "the guest reset itself and start(allow_reboot=True) was not given");
    send_event("SHUTDOWN", R"({"guest": false, "reason": "host-signal"})");
    EXPECT_EQ(state_->why_ended(), "it was ended by a signal");
    send_event("SHUTDOWN", R"({"guest": false, "reason": "something-new"})");
    EXPECT_EQ(state_->why_ended(), "QEMU gave the reason something-new");
    send_event("SHUTDOWN", "7");
    EXPECT_EQ(state_->why_ended(), "the guest shut down");
    send_event("RESET", R"({"guest": false, "reason": "host-qmp-system-reset"})");
    EXPECT_EQ(state_->why_ended(), "");
}

TEST_F(GuestStateTest, ALoadedSnapshotIsReportedToAllObservers) {
    int calls = 0;
    state_->on_restored([&] { ++calls; });
    state_->on_restored([&] { ++calls; });
    send_event("SUSPEND");
    state_->note_restored();
    EXPECT_EQ(calls, 2);
    EXPECT_FALSE(state_->asleep());
}

}  // namespace
}  // namespace charioteer::machine
