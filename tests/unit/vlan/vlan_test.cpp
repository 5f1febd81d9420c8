/// Frames between machines of a segment, over real sockets, for both kinds of plugs.

#include "vlan/vlan.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "plugs.hpp"
#include "vlan/frame.hpp"

namespace charioteer::vlan {
namespace {

using fakes::alice;
using fakes::bob;
using fakes::broadcast;
using fakes::carol;
using fakes::frame;
using fakes::Kind;

/// One segment with three plugs; Alice's and Bob's are of the kinds under test. The first frame of
/// each plug is consumed, so that each starts with an empty queue.
class VlanTest : public testing::TestWithParam<std::pair<Kind, Kind>> {
protected:
    void SetUp() override {
        alice_ = attach(GetParam().first, vlan_, carol_);
        bob_ = attach(GetParam().second, vlan_, carol_);
        if (GetParam().second == Kind::stream) alice_->receive();
    }

    fakes::TemporaryDirectory directory_;
    fakes::EventLog log_;
    Vlan vlan_{1, directory_.path(), log_.sink()};
    fakes::FakeVdePlug carol_{vlan_.control_directory()};
    std::unique_ptr<fakes::FakePlug> alice_;
    std::unique_ptr<fakes::FakePlug> bob_;
};

TEST_P(VlanTest, BroadcastReachesAllOtherPlugs) {
    alice_->send(frame(alice, broadcast, "who has"));
    EXPECT_EQ(bob_->receive(), frame(alice, broadcast, "who has"));
    EXPECT_EQ(carol_.receive(), frame(alice, broadcast, "who has"));
    bob_->send(frame(bob, broadcast, "me"));
    EXPECT_EQ(alice_->receive(), frame(bob, broadcast, "me")) << "not her own frame";
}

TEST_P(VlanTest, BystanderReceivesFramesBetweenTwoOthers) {
    bob_->send(frame(bob, alice, "question"));
    EXPECT_EQ(alice_->receive(), frame(bob, alice, "question"));
    EXPECT_EQ(carol_.receive(), frame(bob, alice, "question"));
    alice_->send(frame(alice, bob, "answer"));
    EXPECT_EQ(bob_->receive(), frame(alice, bob, "answer"));
    EXPECT_EQ(carol_.receive(), frame(alice, bob, "answer"));
    alice_->send(frame(alice, bob, "tagged", 0x8100));
    EXPECT_EQ(bob_->receive(), frame(alice, bob, "tagged", 0x8100));
    EXPECT_EQ(carol_.receive(), frame(alice, bob, "tagged", 0x8100));
}

TEST_P(VlanTest, StationThatMovesSilentlyIsReached) {
    bob_->send(frame(bob, broadcast, "here I am"));
    EXPECT_EQ(alice_->receive(), frame(bob, broadcast, "here I am"));
    EXPECT_EQ(carol_.receive(), frame(bob, broadcast, "here I am"));
    // Carol's machine has taken Bob's address and has not sent anything yet.
    alice_->send(frame(alice, bob, "where are you"));
    EXPECT_EQ(carol_.receive(), frame(alice, bob, "where are you"));
}

TEST_P(VlanTest, FramesKeepTheirOrderAndContent) {
    std::vector<std::string> sent;
    for (std::size_t i = 0; i < 300; ++i)
        sent.push_back(frame(alice, bob, std::to_string(i) + std::string(i * 30, 'x')));
    std::thread sender([&] {
        for (const auto& one : sent) alice_->send(one);
    });
    for (const auto& one : sent) EXPECT_EQ(bob_->receive(), one);
    sender.join();
}

TEST_P(VlanTest, PlugThatDisconnectsLeavesTheOthersConnected) {
    bob_.reset();
    alice_->send(frame(alice, bob, "where are you"));
    EXPECT_EQ(carol_.receive(), frame(alice, bob, "where are you"));
    carol_.send(frame(carol, alice, "he has gone"));
    EXPECT_EQ(alice_->receive(), frame(carol, alice, "he has gone"));
    EXPECT_TRUE(log_.warnings().empty());
}

TEST_P(VlanTest, SlowPlugLosesItsOwnFramesOnly) {
    // Bob does not read. Carol receives every frame immediately, although Bob loses some.
    std::string load(1400, 'x');
    for (int i = 0; i < 4000; ++i) {
        auto sent = frame(alice, broadcast, std::to_string(i) + load);
        alice_->send(sent);
        ASSERT_EQ(carol_.receive(), sent);
    }
    for (int i = 0; i < 100; ++i)
        ASSERT_EQ(bob_->receive(), frame(alice, broadcast, std::to_string(i) + load));
    // When Bob reads again, he receives new frames after the queued ones.
    auto news = frame(alice, bob, "news");
    std::string seen;
    for (int i = 0; i < 4000 && seen != news; ++i) {
        alice_->send(news);
        seen = bob_->receive();
    }
    EXPECT_EQ(seen, news);
    vlan_.stop({});
    auto counters = vlan_.counters();
    EXPECT_GT(counters[Count::dropped_slow_port], 0u);
    EXPECT_EQ(counters[Count::dropped_gone], 0u);
}

TEST_P(VlanTest, CountsWhatPasses) {
    bob_->send(frame(bob, broadcast, "one"));
    carol_.receive();
    alice_->send(frame(alice, bob, "two"));
    carol_.receive();
    alice_->send(frame(alice, broadcast, "three"));
    carol_.receive();
    vlan_.stop({});
    auto counters = vlan_.counters();
    auto hellos = static_cast<std::uint64_t>((GetParam().first == Kind::stream) +
                                             (GetParam().second == Kind::stream));
    EXPECT_EQ(counters[Count::received], hellos + 3);
    EXPECT_GT(counters[Count::received_bytes], counters[Count::received] * ethernet_header_size);
    EXPECT_EQ(counters.named().at(0),
              (std::pair<std::string, std::uint64_t>{"received", hellos + 3}));
}

TEST_P(VlanTest, StopsWhileTrafficFlows) {
    std::thread sender([&] {
        while (alice_->send(frame(alice, bob, std::string(1400, 'x')))) {
        }
    });
    bob_->receive();
    vlan_.stop({});
    sender.join();
    EXPECT_FALSE(std::filesystem::exists(vlan_.control_directory()));
    vlan_.stop({});
}

std::string names_of(const testing::TestParamInfo<std::pair<Kind, Kind>>& info) {
    auto name = [](Kind kind) { return kind == Kind::vde ? "Vde" : "Stream"; };
    return std::string(name(info.param.first)) + "To" + name(info.param.second);
}

INSTANTIATE_TEST_SUITE_P(Plugs, VlanTest,
                         testing::Values(std::pair{Kind::vde, Kind::vde},
                                         std::pair{Kind::vde, Kind::stream},
                                         std::pair{Kind::stream, Kind::vde},
                                         std::pair{Kind::stream, Kind::stream}),
                         names_of);

}  // namespace
}  // namespace charioteer::vlan
