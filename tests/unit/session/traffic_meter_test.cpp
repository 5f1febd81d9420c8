#include "session/traffic_meter.hpp"

#include <gtest/gtest.h>

namespace charioteer::session {
namespace {

using Details = std::vector<std::pair<std::string, std::string>>;
using vlan::Count;

vlan::Counters counters(std::uint64_t frames, std::uint64_t bytes, std::uint64_t slow = 0,
                        std::uint64_t malformed = 0) {
    vlan::Counters result;
    auto set = [&](Count kind, std::uint64_t value) {
        result.values[static_cast<std::size_t>(kind)] = value;
    };
    set(Count::received, frames);
    set(Count::received_bytes, bytes);
    set(Count::dropped_slow_port, slow);
    set(Count::dropped_malformed, malformed);
    return result;
}

TEST(TrafficMeter, ReportsWhatHasPassedSinceTheLastCall) {
    TrafficMeter meter(7);
    EXPECT_FALSE(meter.take(counters(0, 0), {}));
    auto first = meter.take(counters(2, 120), {});
    ASSERT_TRUE(first);
    EXPECT_EQ(first->kind, io::EventKind::traffic);
    EXPECT_EQ(first->text, "7");
    EXPECT_EQ(first->details, (Details{{"frames", "2"}, {"bytes", "120"}}));
    EXPECT_FALSE(meter.take(counters(2, 120), {}));
    EXPECT_EQ(meter.take(counters(3, 1620), {})->details,
              (Details{{"frames", "1"}, {"bytes", "1500"}}));
}

TEST(TrafficMeter, AddsUpWhatWasDropped) {
    TrafficMeter meter(1);
    EXPECT_EQ(meter.take(counters(1, 60, 4, 2), {})->details,
              (Details{{"frames", "1"}, {"bytes", "60"}, {"dropped", "6"}}));
    EXPECT_EQ(meter.take(counters(1, 60, 5, 2), {})->details,
              (Details{{"frames", "0"}, {"bytes", "0"}, {"dropped", "1"}}));
}

TEST(TrafficMeter, ReportsWhatEachPlugHasSentSinceTheLastCall) {
    TrafficMeter meter(1);
    EXPECT_EQ(meter.take(counters(3, 240), {{"web.1", 1, 60}, {"db.1", 2, 180}})->details,
              (Details{{"frames", "3"},
                       {"bytes", "240"},
                       {"sender", "db.1 2 180"},
                       {"sender", "web.1 1 60"}}));
    auto later =
        meter.take(counters(4, 300), {{"web.1", 2, 120}, {"db.1", 2, 180}, {"plug2", 0, 0}});
    EXPECT_EQ(later->details,
              (Details{{"frames", "1"}, {"bytes", "60"}, {"sender", "web.1 1 60"}}));
}

TEST(TrafficMeter, ReportsThePlugsThatHaveSentTheMost) {
    TrafficMeter meter(1);
    std::vector<vlan::capture::Sent> sent;
    for (std::uint64_t number = 1; number <= 20; ++number)
        sent.push_back({"plug" + std::to_string(number), 1, 100 + number});
    auto details = meter.take(counters(20, 2210), sent)->details;
    ASSERT_EQ(details.size(), 2 + TrafficMeter::most_senders);
    EXPECT_EQ(details[2].second, "plug20 1 120");
    EXPECT_EQ(details.back().second, "plug5 1 105");
}

}  // namespace
}  // namespace charioteer::session
