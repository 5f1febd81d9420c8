#include "session/session.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "fakes/manual_time.hpp"
#include "fakes/paths.hpp"
#include "fakes/temporary_directory.hpp"
#include "io/runtime.hpp"

namespace charioteer::session {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class SessionTest : public testing::Test {
protected:
    template <class Action>
    auto on_io(Action action) {
        auto run = [](Action body) -> asio::awaitable<decltype(body())> { co_return body(); };
        return runtime_.start(run(std::move(action))).get();
    }
    std::shared_ptr<Session> make(io::TimeSource& time) {
        host_ = std::make_shared<machine::Host>(runtime_.executor(), time);
        auto sink = [this](const io::Event& event) { events_.push_back(event.text); };
        return std::make_shared<Session>(host_, sink, [this] { ++endings_; });
    }
    void await_sleepers(std::size_t count) const {
        while (time_.sleepers() < count) std::this_thread::yield();
    }
    /// Waits until the io thread has run everything posted so far.
    void settle() {
        for (int i = 0; i < 3; ++i) on_io([] {});
    }
    std::vector<std::string> close(const std::shared_ptr<Session>& session) {
        return runtime_.start(session->close({})).get();
    }

    fakes::TemporaryDirectory directory_;
    fakes::ManualTime time_;
    io::Runtime runtime_;
    std::shared_ptr<machine::Host> host_;
    // Written on the io thread; read after settle().
    std::vector<std::string> events_;
    int endings_ = 0;
};

TEST_F(SessionTest, LogsTheTimeLimitAndTerminates) {
    auto session = make(time_);
    on_io([&] { session->arm_timeout(60s); });
    await_sleepers(1);
    time_.advance(59s);
    settle();
    EXPECT_EQ(endings_, 0);
    time_.advance(1s);
    settle();
    EXPECT_EQ(endings_, 1);
    EXPECT_THAT(events_, ElementsAre("time-limit", "timeout reached; test terminating..."));
}

TEST_F(SessionTest, ACancelledOrReplacedLimitDoesNothing) {
    auto session = make(time_);
    on_io([&] {
        session->arm_timeout(60s);
        session->arm_timeout(90s);
    });
    await_sleepers(2);
    time_.advance(60s);
    settle();
    EXPECT_EQ(endings_, 0);
    on_io([&] { session->cancel_timeout(); });
    time_.advance(60s);
    settle();
    EXPECT_EQ(endings_, 0);
    EXPECT_THAT(events_, IsEmpty());
}

TEST_F(SessionTest, ClosesMachinesAndNetworksAndIsIdempotent) {
    auto session = make(runtime_.time());
    ::setenv("CHARIOTEER_ACCEL", "tcg", 1);
    // The fake guest has no port for an agent.
    ::setenv("CHARIOTEER_CHANNEL", "plain", 1);
    auto shared = directory_.path();
    for (auto name : {"one", "two"}) {
        machine::MachineConfig config;
        config.name = name;
        config.start_command = fakes::fake_qemu_command;
        config.state_directory = shared / fmt::format("vm-state-{}", name);
        config.shared_directory = shared;
        auto machine =
            std::make_shared<machine::Machine>(std::move(config), host_, [](const io::Event&) {});
        machine::StartOptions options;
        options.environment = process::own_environment();
        runtime_.start(machine->start(options)).get();
        on_io([&] { session->adopt(std::move(machine)); });
    }
    auto network = std::make_shared<Network>(1, shared, *host_, [](const io::Event&) {});
    on_io([&] { session->adopt(network); });
    EXPECT_TRUE(std::filesystem::exists(shared / "vde1.ctl" / "ctl"));
    EXPECT_THAT(close(session), IsEmpty());
    EXPECT_TRUE(std::filesystem::is_empty(shared));
    EXPECT_THAT(close(session), IsEmpty());
}

TEST_F(SessionTest, ReportsTheTrafficOfNetworksEachSecond) {
    auto session = make(time_);
    auto network = std::make_shared<Network>(1, directory_.path(), *host_, [](const io::Event&) {});
    on_io([&] { session->adopt(network); });
    await_sleepers(1);

    asio::local::stream_protocol::socket plug(runtime_.executor());
    plug.connect({network->vlan().stream_path().string()});
    std::string frame(60, 'x');
    asio::write(plug, asio::buffer(std::string("\0\0\0\x3c", 4) + frame));
    while (network->vlan().counters()[vlan::Count::received] == 0) std::this_thread::yield();
    settle();
    EXPECT_THAT(events_, IsEmpty());
    time_.advance(1s);
    settle();
    EXPECT_THAT(events_, ElementsAre("1"));
    await_sleepers(1);
    time_.advance(1s);
    settle();
    EXPECT_THAT(events_, ElementsAre("1")) << "only seconds with traffic";
    EXPECT_THAT(close(session), IsEmpty());
}

TEST_F(SessionTest, ANetworkInUseIsRejected) {
    auto session = make(runtime_.time());
    Network network(1, directory_.path(), *host_, [](const io::Event&) {});
    EXPECT_THROW(Network(1, directory_.path(), *host_, [](const io::Event&) {}), io::UsageError);
    network.stop({});
    Network again(1, directory_.path(), *host_, [](const io::Event&) {});
    again.stop({});
}

}  // namespace
}  // namespace charioteer::session
