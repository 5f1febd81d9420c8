#include "systemd/manager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <future>
#include <thread>

#include "fakes/manual_time.hpp"
#include "io/runtime.hpp"
#include "unit/systemd/fake_manager.hpp"

namespace charioteer::systemd {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;
using testing::HasSubstr;

constexpr auto unit_interface = "org.freedesktop.systemd1.Unit";

asio::awaitable<void> dispose(std::shared_ptr<Manager> manager) {
    if (manager) manager->close();
    co_return;
}

template <class Failure, class T>
std::string failure_of(io::Pending<T> pending) {
    try {
        result_of(std::move(pending));
    } catch (const Failure& failure) {
        return failure.what();
    }
    return "it did not fail";
}

/// The test acts as the guest's systemd.
class ManagerTest : public testing::Test {
protected:
    ManagerTest() : ends_(fakes::connected_pair(runtime_.executor())), peer_(ends_.second) {}
    ~ManagerTest() override { result_of(runtime_.start(dispose(std::move(manager_)))); }

    io::Pending<std::shared_ptr<Manager>> start(io::Deadline deadline = io::Deadline::never()) {
        return runtime_.start(Manager::open(
            std::move(ends_.first),
            [this](const UnitChange& change) { changes_.push_back(change); }, deadline));
    }
    void open() {
        auto opening = start();
        systemd_ = std::make_unique<FakeManager>(peer_);
        systemd_->welcome();
        manager_ = result_of(opening);
    }
    io::Pending<UnitState> start_query(io::Deadline deadline = io::Deadline::never()) {
        return runtime_.start(manager_->unit_state("web.service", deadline));
    }
    io::Pending<void> wait(const UnitState& state, io::Deadline deadline = io::Deadline::never()) {
        return runtime_.start(manager_->changed(state, deadline));
    }
    UnitState activating() {
        auto query = start_query();
        systemd_->answer_state("activating");
        return result_of(query);
    }
    UnitState inactive_with_job(std::uint32_t job) {
        auto query = start_query();
        systemd_->answer_state("inactive");
        systemd_->answer_jobs({job});
        return result_of(query);
    }
    /// Whether `waiting` still waits after the driver has handled everything that was sent.
    bool goes_on(io::Pending<void>& waiting) {
        activating();
        return !waiting.wait_for(0ms);
    }
    /// Ends the connection like a guest that shuts down.
    void hang_up() {
        systemd_.reset();
        peer_.close();
    }
    void pass(io::Duration step) {
        while (time_.sleepers() < 1) std::this_thread::yield();
        time_.advance(step);
    }

    io::Runtime runtime_;
    fakes::ManualTime time_;
    std::pair<io::UnixStream, fakes::Peer> ends_;
    fakes::Peer& peer_;
    std::unique_ptr<FakeManager> systemd_;
    std::vector<UnitChange> changes_;  ///< changed by the io thread, before it answers a query
    std::shared_ptr<Manager> manager_;
};

TEST_F(ManagerTest, AnActiveUnitIsReturnedImmediately) {
    open();
    auto query = start_query();
    auto get_unit = systemd_->expect("GetUnit");
    EXPECT_EQ(get_unit.read_string(), "web.service");
    systemd_->reply_path(get_unit, web_path);
    auto get = systemd_->expect("Get");
    EXPECT_EQ(get.path(), web_path);
    EXPECT_EQ(get.read_string(), unit_interface);
    EXPECT_EQ(get.read_string(), "ActiveState");
    sd_bus_reply_method_return(get.get(), "v", "s", "active");
    auto state = result_of(query);
    EXPECT_EQ(state.unit, "web.service");
    EXPECT_EQ(state.active, "active");
    EXPECT_FALSE(state.jobs);
}

TEST_F(ManagerTest, AnInactiveUnitIsReturnedWithItsPendingJobs) {
    open();
    EXPECT_TRUE(inactive_with_job(7).jobs);
    auto query = start_query();
    systemd_->answer_state("inactive");
    systemd_->answer_jobs({});
    systemd_->answer_state("inactive");
    auto state = result_of(query);
    EXPECT_EQ(state.active, "inactive");
    EXPECT_FALSE(state.jobs);
}

TEST_F(ManagerTest, AUnitWhoseJobEndsBetweenTheCallsIsActive) {
    open();
    auto query = start_query();
    systemd_->answer_state("inactive");
    systemd_->answer_jobs({});
    systemd_->answer_state("active");
    EXPECT_EQ(result_of(query).active, "active");
}

TEST_F(ManagerTest, AMissingUnitIsInactiveAndLoadedOnce) {
    open();
    auto query = start_query();
    systemd_->answer_not_loaded();
    systemd_->reply_path(systemd_->expect("LoadUnit"), web_path);
    // systemd unloads a unit that is not needed.
    systemd_->signal_unit("UnitNew", web_path);
    systemd_->signal_unit("UnitRemoved", web_path);
    auto get = systemd_->expect("Get");
    sd_bus_reply_method_return(get.get(), "v", "s", "inactive");
    systemd_->answer_jobs({7});
    EXPECT_EQ(result_of(query).active, "inactive");

    query = start_query();
    systemd_->answer_not_loaded();
    systemd_->answer_jobs({7});
    auto state = result_of(query);
    EXPECT_EQ(state.active, "inactive");
    auto waiting = wait(state);
    EXPECT_TRUE(goes_on(waiting));
    systemd_->signal_unit("UnitNew", web_path);
    result_of(waiting);
}

TEST_F(ManagerTest, AfterAReloadAUnitIsLoadedAgain) {
    open();
    auto query = start_query();
    systemd_->answer_not_loaded();
    systemd_->reply_path(systemd_->expect("LoadUnit"), web_path);
    auto get = systemd_->expect("Get");
    sd_bus_reply_method_return(get.get(), "v", "s", "inactive");
    systemd_->answer_jobs({7});
    auto waiting = wait(result_of(query));
    systemd_->signal_reloading(true);
    result_of(waiting);
    query = start_query();
    systemd_->answer_not_loaded();
    systemd_->reply_path(systemd_->expect("LoadUnit"), web_path);
    get = systemd_->expect("Get");
    sd_bus_reply_method_return(get.get(), "v", "s", "active");
    EXPECT_EQ(result_of(query).active, "active");
}

TEST_F(ManagerTest, ARejectedNameIsAnError) {
    open();
    for (int time = 0; time < 2; ++time) {
        auto query = start_query();
        systemd_->answer_not_loaded();
        systemd_->refuse(systemd_->expect("LoadUnit"), "org.freedesktop.DBus.Error.InvalidArgs",
                         "Unit name web.service is not valid.");
        EXPECT_EQ(failure_of<CallError>(query),
                  "systemd refused LoadUnit: Unit name web.service is not valid. "
                  "(org.freedesktop.DBus.Error.InvalidArgs)");
    }
}

TEST_F(ManagerTest, AChangeOfTheUnitEndsAWait) {
    open();
    auto waiting = wait(activating());
    systemd_->signal_properties(web_path, unit_interface);
    result_of(waiting);
}

TEST_F(ManagerTest, ChangesOfOtherUnitsDoNotEndAWait) {
    open();
    auto waiting = wait(activating());
    systemd_->signal_properties("/org/freedesktop/systemd1/unit/db_2eservice", unit_interface);
    systemd_->signal_properties(web_path, "org.freedesktop.systemd1.Service");
    systemd_->signal_job("JobNew", 9);
    systemd_->signal_job("JobRemoved", 9);
    systemd_->signal_unit("UnitNew", "/org/freedesktop/systemd1/unit/db_2eservice");
    EXPECT_TRUE(goes_on(waiting));
    systemd_->signal_properties(web_path, unit_interface);
    result_of(waiting);
}

TEST_F(ManagerTest, TheEndOfTheLastJobEndsAWait) {
    open();
    auto query = start_query();
    systemd_->answer_state("inactive");
    systemd_->answer_jobs({7, 8});
    auto waiting = wait(result_of(query));
    systemd_->signal_job("JobRemoved", 8);
    EXPECT_TRUE(goes_on(waiting));
    systemd_->signal_job("JobRemoved", 7);
    result_of(waiting);
}

TEST_F(ManagerTest, AChangeBeforeTheWaitIsNotMissed) {
    open();
    auto state = activating();
    systemd_->signal_properties(web_path, unit_interface);
    activating();
    result_of(wait(state));
}

TEST_F(ManagerTest, AChangeDuringTheQueryIsNotMissed) {
    open();
    activating();
    auto query = start_query();
    systemd_->reply_path(systemd_->expect("GetUnit"), web_path);
    auto get = systemd_->expect("Get");
    systemd_->signal_properties(web_path, unit_interface);
    sd_bus_reply_method_return(get.get(), "v", "s", "activating");
    result_of(wait(result_of(query)));
}

TEST_F(ManagerTest, AJobThatEndsTogetherWithTheListOfJobsIsNotMissed) {
    open();
    auto query = start_query();
    systemd_->answer_state("inactive");
    auto list_jobs = systemd_->expect("ListJobs");
    // Both messages are sent before the driver reads the first one.
    std::promise<void> both_sent;
    asio::post(runtime_.executor(), [&both_sent] { both_sent.get_future().wait(); });
    systemd_->reply_jobs(list_jobs, {7});
    systemd_->signal_job("JobRemoved", 7);
    both_sent.set_value();
    result_of(wait(result_of(query)));
}

TEST_F(ManagerTest, SeveralWaitsRunConcurrently) {
    open();
    auto first = wait(activating());
    auto second = wait(activating());
    systemd_->signal_properties(web_path, unit_interface);
    result_of(first);
    result_of(second);
}

TEST_F(ManagerTest, TheEndOfTheConnectionEndsEachWait) {
    open();
    auto waiting = wait(activating());
    auto query = start_query();
    systemd_->expect("GetUnit");
    hang_up();
    EXPECT_EQ(failure_of<io::ConnectionLost>(waiting), "systemd closed the connection");
    EXPECT_EQ(failure_of<io::ConnectionLost>(query), "systemd closed the connection");
    EXPECT_EQ(failure_of<io::ConnectionLost>(start_query()), "systemd closed the connection");
}

TEST_F(ManagerTest, TheEndOfTheConnectionEndsTheOpening) {
    auto opening = start();
    peer_.close();
    EXPECT_EQ(failure_of<io::ConnectionLost>(opening), "systemd closed the connection");
}

TEST_F(ManagerTest, CloseEndsEachWait) {
    open();
    auto waiting = wait(activating());
    result_of(runtime_.start(dispose(manager_)));
    EXPECT_EQ(failure_of<io::ConnectionLost>(waiting),
              "the driver closed the connection to systemd");
    EXPECT_TRUE(systemd_->sees_the_end());
}

TEST_F(ManagerTest, AllWaitsEndAtTheirDeadline) {
    open();
    auto waiting = wait(activating(), time_.deadline_after(10s));
    pass(10s);
    EXPECT_EQ(failure_of<io::TimeoutError>(waiting),
              "unit \"web.service\" did not change within 10 s");
    auto query = start_query(time_.deadline_after(5s));
    auto late = systemd_->expect("GetUnit");
    pass(5s);
    EXPECT_EQ(failure_of<io::TimeoutError>(query),
              "systemd did not return the state of unit \"web.service\" within 5 s");
    systemd_->reply_path(late, web_path);
    EXPECT_EQ(activating().active, "activating");
}

TEST_F(ManagerTest, TheOpeningEndsAtItsDeadline) {
    auto opening = start(time_.deadline_after(10s));
    pass(10s);
    EXPECT_EQ(failure_of<io::TimeoutError>(opening),
              "systemd did not let the driver subscribe to its signals within 10 s");
}

TEST_F(ManagerTest, APeerWithAnotherProtocolIsRejected) {
    auto opening = start();
    peer_.send("SSH-2.0-OpenSSH_9.2\r\nwhatever\r\nthat\r\n");
    EXPECT_THAT(failure_of<io::ConnectionLost>(opening), HasSubstr("systemd"));
}

TEST_F(ManagerTest, OtherBytesThanDBusEndTheConnection) {
    open();
    auto waiting = wait(activating());
    peer_.send(std::string(64, 'x'));
    EXPECT_EQ(failure_of<io::ConnectionLost>(waiting),
              "systemd's socket sent bytes that are not D-Bus");
}

TEST_F(ManagerTest, AReplyWithAnotherSignatureEndsTheConnection) {
    open();
    auto waiting = wait(activating());
    auto query = start_query();
    systemd_->reply(systemd_->expect("GetUnit"));
    EXPECT_THAT(failure_of<io::ConnectionLost>(query), HasSubstr("a D-Bus message lacks"));
    EXPECT_THAT(failure_of<io::ConnectionLost>(waiting), HasSubstr("a D-Bus message lacks"));
}

TEST_F(ManagerTest, ASignalWithAnotherSignatureEndsTheConnection) {
    open();
    auto waiting = wait(activating());
    systemd_->signal_unit("JobRemoved", web_path);
    EXPECT_THAT(failure_of<io::ConnectionLost>(waiting), HasSubstr("a D-Bus message lacks"));
}

TEST_F(ManagerTest, CallsOfThePeerAreNotAnswered) {
    open();
    systemd_->call_machine_id();
    EXPECT_EQ(activating().active, "activating");
}

TEST_F(ManagerTest, ChangesOfAllUnitsAreReported) {
    open();
    systemd_->signal_properties("/org/freedesktop/systemd1/unit/db_40main_2eservice",
                                unit_interface);
    activating();
    ASSERT_EQ(changes_.size(), 1U);
    EXPECT_EQ(changes_[0].unit, "db@main.service");
    EXPECT_EQ(changes_[0].active, "active");
    EXPECT_EQ(changes_[0].sub, "running");
}

TEST_F(ManagerTest, OtherObjectsAndInterfacesAreNotReported) {
    open();
    systemd_->signal_properties("/org/freedesktop/systemd1/job/7", unit_interface);
    systemd_->signal_properties(web_path, "org.freedesktop.systemd1.Service");
    activating();
    EXPECT_EQ(changes_.size(), 0U);
}

}  // namespace
}  // namespace charioteer::systemd
