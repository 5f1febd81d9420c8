#include "vlan/switch.hpp"

#include <gtest/gtest.h>

namespace charioteer::vlan {
namespace {

using namespace std::chrono_literals;

constexpr MacAddress alice{0x525400120101};
constexpr MacAddress bob{0x525400120102};
constexpr MacAddress everybody{0xffffffffffff};
constexpr std::uint16_t ipv4 = 0x0800;
constexpr std::uint16_t tagged = 0x8100;
constexpr std::optional<PortId> everywhere = std::nullopt;

class SwitchTest : public testing::Test {
protected:
    std::optional<PortId> send(MacAddress from, MacAddress to, PortId port,
                               std::uint16_t ethertype = ipv4) {
        return switch_.decide({to, from, ethertype}, port, now_);
    }

    Switch switch_;
    io::TimePoint now_{1h};
};

TEST_F(SwitchTest, FloodsForAnUnknownStation) {
    EXPECT_EQ(send(alice, bob, 1), everywhere);
}

TEST_F(SwitchTest, SendsToAKnownStationOnly) {
    send(bob, everybody, 2);
    EXPECT_EQ(send(alice, bob, 1), PortId{2});
}

TEST_F(SwitchTest, FloodsBroadcastAndMulticast) {
    send(bob, everybody, 2);
    EXPECT_EQ(send(alice, everybody, 1), everywhere);
    EXPECT_EQ(send(alice, MacAddress{0x333300000001}, 1), everywhere);
}

TEST_F(SwitchTest, NeverLearnsAGroupAddressOrZero) {
    send(everybody, bob, 1);
    send(MacAddress{0}, bob, 1);
    EXPECT_EQ(send(alice, everybody, 2), everywhere);
    EXPECT_EQ(send(alice, MacAddress{0}, 2), everywhere);
}

TEST_F(SwitchTest, FloodsTaggedFramesForKnownStationsToo) {
    send(bob, everybody, 2);
    EXPECT_EQ(send(alice, bob, 1, tagged), everywhere);
}

TEST_F(SwitchTest, LearnsNothingFromTaggedFrames) {
    send(bob, everybody, 2, tagged);
    EXPECT_EQ(send(alice, bob, 1), everywhere);
}

TEST_F(SwitchTest, FollowsAStationThatMoves) {
    send(bob, everybody, 2);
    send(bob, everybody, 3);
    EXPECT_EQ(send(alice, bob, 1), PortId{3});
}

TEST_F(SwitchTest, LooksEverywhereForAStationSaidToBeBehindTheSender) {
    send(bob, everybody, 1);
    EXPECT_EQ(send(alice, bob, 1), everywhere);
}

TEST_F(SwitchTest, ForgetsWhatItLearnedAtAPortThatIsGone) {
    send(bob, everybody, 2);
    send(alice, everybody, 1);
    switch_.forget(2);
    EXPECT_EQ(send(alice, bob, 1), everywhere);
    EXPECT_EQ(send(bob, alice, 3), PortId{1});
}

TEST_F(SwitchTest, ForgetsAStationThatIsSilentForLong) {
    send(bob, everybody, 2);
    now_ += Switch::age_limit;
    EXPECT_EQ(send(alice, bob, 1), PortId{2});
    now_ += 1s;
    EXPECT_EQ(send(alice, bob, 1), everywhere);
}

TEST_F(SwitchTest, RemembersAStationThatSpeaksNowAndThen) {
    for (int i = 0; i < 3; ++i) {
        send(bob, everybody, 2);
        now_ += Switch::age_limit - 1s;
    }
    EXPECT_EQ(send(alice, bob, 1), PortId{2});
}

TEST_F(SwitchTest, KeepsTheStationsHeardOfLastWhenItIsFull) {
    Switch small(4);
    for (std::uint64_t i = 1; i <= 5; ++i) {
        small.decide({everybody, MacAddress{i}, ipv4}, static_cast<PortId>(i), now_);
        now_ += 1s;
    }
    EXPECT_EQ(small.decide({MacAddress{1}, alice, tagged}, 9, now_), everywhere);
    EXPECT_EQ(small.decide({MacAddress{2}, MacAddress{2}, ipv4}, 9, now_), everywhere);
    EXPECT_EQ(small.decide({MacAddress{5}, MacAddress{2}, ipv4}, 9, now_), PortId{5});
}

TEST_F(SwitchTest, SurvivesMoreStationsThanItRemembers) {
    for (std::uint64_t i = 1; i <= 100'000; ++i) send(MacAddress{i << 8}, everybody, 7);
    send(bob, everybody, 2);
    EXPECT_EQ(send(alice, bob, 1), PortId{2});
}

}  // namespace
}  // namespace charioteer::vlan
