#include <gtest/gtest.h>

#include <vector>

#include "agent/backoff.hpp"
#include "unit/agent/built_in_program.hpp"
#include "unit/agent/sockets.hpp"

namespace charioteer::agent {
namespace {

/// The parameter is whether the kernel supports socket queries by netlink.
class WaitPort : public testing::TestWithParam<bool> {
protected:
    static ProgramOptions guest() {
        ProgramOptions options;
        options.refused.netlink = !GetParam();
        return options;
    }
};

TEST_P(WaitPort, EndsOnceAProcessListens) {
    auto port = bind_port();
    BuiltInProgram wait({"wait-port", port_of(port), "open"}, guest());
    ASSERT_TRUE(wait.keeps_waiting());
    listen_on(port);
    EXPECT_EQ(wait.status(), 0);
    EXPECT_EQ(wait.errors(), "");
}

TEST_P(WaitPort, EndsOnceNoProcessListens) {
    auto port = bind_port();
    listen_on(port);
    BuiltInProgram wait({"wait-port", port_of(port), "closed"}, guest());
    ASSERT_TRUE(wait.keeps_waiting());
    port.reset();
    EXPECT_EQ(wait.status(), 0);
}

TEST_P(WaitPort, EndsImmediatelyInTheWantedState) {
    auto port = bind_port();
    BuiltInProgram closed({"wait-port", port_of(port), "closed"}, guest());
    EXPECT_EQ(closed.status(), 0);
    listen_on(port);
    BuiltInProgram open({"wait-port", port_of(port), "open"}, guest());
    EXPECT_EQ(open.status(), 0);
}

TEST_P(WaitPort, SeesListenersOfIpv6) {
    auto port = bind_port(AF_INET6);
    if (!port) GTEST_SKIP() << "no IPv6";
    BuiltInProgram wait({"wait-port", port_of(port), "open"}, guest());
    ASSERT_TRUE(wait.keeps_waiting());
    listen_on(port);
    EXPECT_EQ(wait.status(), 0);
}

TEST_P(WaitPort, DoesNotTakeAConnectionForAListener) {
    auto server = bind_port();
    listen_on(server);
    auto client = bind_port();
    auto address = address_of(server);
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    BuiltInProgram open({"wait-port", port_of(client), "open"}, guest());
    EXPECT_TRUE(open.keeps_waiting());
    BuiltInProgram closed({"wait-port", port_of(client), "closed"}, guest());
    EXPECT_EQ(closed.status(), 0);
}

TEST_P(WaitPort, FindsOneOfHundreds) {
    std::vector<io::UniqueFd> ports;
    for (int count = 0; count < 400; ++count) {
        ports.push_back(bind_port());
        listen_on(ports.back());
    }
    for (const auto& port : {&ports.front(), &ports[200], &ports.back()}) {
        BuiltInProgram wait({"wait-port", port_of(*port), "open"}, guest());
        EXPECT_EQ(wait.status(), 0);
    }
    BuiltInProgram wait({"wait-port", port_of(ports[200]), "closed"}, guest());
    ASSERT_TRUE(wait.keeps_waiting());
    ports[200].reset();
    EXPECT_EQ(wait.status(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kernels, WaitPort, testing::Values(true, false),
                         [](const auto& test) { return test.param ? "Netlink" : "Tables"; });

TEST(WaitPortWords, ReportsThatTheResultIsUnknown) {
    BuiltInProgram wait({"wait-port", "1", "open"}, {.refused = {.netlink = true, .files = true}});
    EXPECT_EQ(wait.status(), 3);
    EXPECT_EQ(wait.errors(), "wait-port: cannot read /proc/net/tcp\n");
}

TEST(WaitPortWords, RejectsInvalidPorts) {
    for (const auto* port : {"", "0", "65536", "http", "80x", "-1"}) {
        BuiltInProgram wait({"wait-port", port, "open"});
        EXPECT_EQ(wait.status(), 2) << port;
        EXPECT_EQ(wait.errors(), "wait-port: expected the number of a port, and open or closed\n");
    }
    BuiltInProgram wait({"wait-port", "80", "ajar"});
    EXPECT_EQ(wait.status(), 2);
}

TEST(Backoff, PausesAHundredTimesAsLongAsTheCheckTook) {
    Backoff backoff(1'000);
    EXPECT_EQ(backoff.next_delay(1'300), 30'000U);
    EXPECT_EQ(backoff.next_delay(2'300), 100'000U);
}

TEST(Backoff, IsWithinItsBounds) {
    Backoff backoff(0);
    EXPECT_EQ(backoff.next_delay(0), Backoff::least);
    EXPECT_EQ(backoff.next_delay(10), Backoff::least);
    EXPECT_EQ(backoff.next_delay(500'000), Backoff::most);
}

TEST(Backoff, LimitsTheProcessorTimeOfAWait) {
    auto port = bind_port();
    BuiltInProgram wait({"wait-port", port_of(port), "open"});
    ASSERT_TRUE(wait.keeps_waiting());
    // One hundredth, and a margin for a check that was delayed by an interrupt.
    EXPECT_LT(wait.share_of_a_processor([&] { ASSERT_TRUE(wait.keeps_waiting(100)); }), 0.02);
}

}  // namespace
}  // namespace charioteer::agent
