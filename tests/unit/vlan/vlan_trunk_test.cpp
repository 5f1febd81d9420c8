/// Trunks between segments, over socket pairs and pipes.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "io/error.hpp"
#include "io/time_source.hpp"
#include "plugs.hpp"
#include "vlan/fault/fault.hpp"
#include "vlan/trunk/trunk_codec.hpp"
#include "vlan/trunk/trunks.hpp"
#include "vlan/vlan.hpp"

namespace charioteer::vlan {
namespace {

using namespace std::chrono_literals;
using fakes::alice;
using fakes::bob;
using fakes::broadcast;
using fakes::carol;
using fakes::frame;
using testing::ElementsAre;
using testing::HasSubstr;

struct Pair {
    io::UniqueFd first;
    io::UniqueFd second;
};

Pair socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::bad_alloc();
    return {io::UniqueFd(ends[0]), io::UniqueFd(ends[1])};
}

Pair pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::bad_alloc();
    return {io::UniqueFd(ends[0]), io::UniqueFd(ends[1])};
}

/// Of each wait, also on a host with much other work.
constexpr auto wait_limit = 60s;

/// One host with the VLAN 1, and a plug of `machine` on it that is attached.
struct Side {
    explicit Side(int number = 1, const std::string& machine = {})
        : vlan(number, directory.path(), log.sink(),
               {.names = {.find = [machine](pid_t) { return machine; }}}) {}

    fakes::TemporaryDirectory directory;
    fakes::EventLog log;
    Vlan vlan;
    fakes::FakeVdePlug plug{vlan.control_directory()};
};

class VlanTrunk : public testing::Test {
protected:
    io::Deadline deadline() { return time_.deadline_after(wait_limit); }
    std::shared_ptr<Trunk> join(Side& side, io::UniqueFd end, const std::string& host) {
        return side.vlan.join({std::move(end), {}, host}, deadline());
    }
    void join_both(Side& first, Side& second, const std::string& host = "second") {
        auto pair = socket_pair();
        auto trunk = join(first, std::move(pair.first), host);
        join(second, std::move(pair.second), "first");
        ASSERT_EQ(trunk->wait(Trunk::State::joined, wait_limit), Trunk::State::joined);
    }
    /// The reason of its end, which must come.
    std::string end_of(const std::shared_ptr<Trunk>& trunk) {
        EXPECT_EQ(trunk->wait(Trunk::State::ended, wait_limit), Trunk::State::ended);
        return trunk->reason();
    }
    /// A frame passes from one side to the other.
    void expect_passes(Side& from, Side& to, const std::string& text) {
        from.plug.send(frame(alice, bob, text));
        EXPECT_EQ(to.plug.receive(), frame(alice, bob, text));
    }

    io::SteadyTime time_;
    Side near_;
    Side far_;
};

TEST_F(VlanTrunk, FramesPassInBothDirections) {
    join_both(near_, far_);
    expect_passes(near_, far_, "there");
    expect_passes(far_, near_, "back");
    auto tagged = frame(alice, bob, "tagged", 0x8100);
    near_.plug.send(tagged);
    EXPECT_EQ(far_.plug.receive(), tagged);
    std::string longest = frame(alice, bob, std::string(max_frame_size - 14, 'x'));
    near_.plug.send(longest);
    EXPECT_EQ(far_.plug.receive(), longest);
}

TEST_F(VlanTrunk, TwoPipesAreATrunk) {
    auto there = pipe();
    auto back = pipe();
    auto trunk = near_.vlan.join({std::move(back.first), std::move(there.second), "b"}, deadline());
    far_.vlan.join({std::move(there.first), std::move(back.second), "a"}, deadline());
    ASSERT_EQ(trunk->wait(Trunk::State::joined, wait_limit), Trunk::State::joined);
    for (int i = 0; i < 200; ++i) near_.plug.send(frame(alice, bob, std::string(1400, 'x')));
    for (int i = 0; i < 200; ++i) far_.plug.receive();
    expect_passes(far_, near_, "back");
}

TEST_F(VlanTrunk, AStarOfSegmentsIsOneSegment) {
    Side third;
    join_both(near_, far_);
    join_both(near_, third, "third");
    far_.plug.send(frame(alice, bob, "over two trunks"));
    EXPECT_EQ(third.plug.receive(), frame(alice, bob, "over two trunks"));
    EXPECT_EQ(near_.plug.receive(), frame(alice, bob, "over two trunks"));
    EXPECT_EQ(near_.vlan.counters()[Count::received], 1u);
}

TEST_F(VlanTrunk, TheEndOfOneSideIsAWarningThatNamesHostAndVlan) {
    auto pair = socket_pair();
    auto trunk = join(near_, std::move(pair.first), "b.example");
    auto other = join(far_, std::move(pair.second), "a");
    ASSERT_EQ(trunk->wait(Trunk::State::joined, wait_limit), Trunk::State::joined);
    far_.vlan.end_trunk(other, deadline());
    EXPECT_EQ(other->reason(), "it was closed by this side");
    EXPECT_EQ(end_of(trunk), "it was closed by the other side");
    EXPECT_EQ(near_.vlan.plugs(deadline()).size(), 1u);
    EXPECT_THAT(near_.log.warnings(),
                ElementsAre("vlan 1: the trunk to b.example has ended: it was closed by the other "
                            "side"));
    EXPECT_THAT(far_.log.warnings(), ElementsAre());
}

TEST_F(VlanTrunk, ACutWithinAFrameHarmsNobodyElse) {
    auto pair = socket_pair();
    auto trunk = join(near_, std::move(pair.first), "b");
    auto bytes =
        trunk::encode(trunk::Hello{1, trunk::random_segment_id()}) + std::string("\0\0\1\0half", 8);
    ASSERT_TRUE(fakes::send_all(pair.second.get(), bytes));
    pair.second.reset();
    EXPECT_EQ(end_of(trunk), "it was closed within a frame, after 4 of 256 bytes");
    auto second = attach(fakes::Kind::vde, near_.vlan, near_.plug);
    second->send(frame(carol, broadcast, "still here"));
    EXPECT_EQ(near_.plug.receive(), frame(carol, broadcast, "still here"));
}

TEST_F(VlanTrunk, GarbageEndsTheTrunkOnly) {
    auto pair = socket_pair();
    auto trunk = join(near_, std::move(pair.first), "b");
    ASSERT_TRUE(fakes::send_all(pair.second.get(), "Welcome to b!\r\n"));
    EXPECT_EQ(end_of(trunk), "it sent something that is not a trunk of Charioteer");
    join_both(near_, far_);
    expect_passes(near_, far_, "another trunk");
}

TEST_F(VlanTrunk, AnotherVlanIsRefused) {
    Side other(2);
    auto pair = socket_pair();
    auto trunk = join(near_, std::move(pair.first), "b");
    join(other, std::move(pair.second), "a");
    EXPECT_EQ(end_of(trunk), "it leads to vlan 2 there, not to vlan 1");
}

TEST_F(VlanTrunk, LoopsOfOneAndOfTwoAreRefused) {
    auto own = socket_pair();
    auto trunk = join(near_, std::move(own.first), "b");
    join(near_, std::move(own.second), "c");
    EXPECT_EQ(end_of(trunk), "it leads back to the same vlan");
    join_both(near_, far_);
    auto again = socket_pair();
    auto second = join(near_, std::move(again.first), "second again");
    join(far_, std::move(again.second), "first again");
    EXPECT_EQ(end_of(second), "there is a trunk to the same vlan already, that to second");
    EXPECT_THROW(join(near_, socket_pair().first, "second"), io::UsageError);
    expect_passes(near_, far_, "the first trunk");
}

TEST_F(VlanTrunk, ARingOfThreeIsAWarning) {
    Side first(1, "web");
    first.vlan.plugs(deadline());  // waits for the names of processes
    auto witness = fakes::attach(fakes::Kind::stream, first.vlan, first.plug);
    first.plug.send(frame(alice, broadcast, "here"));
    EXPECT_EQ(witness->receive(), frame(alice, broadcast, "here"));
    join_both(first, near_);
    join_both(near_, far_);
    join_both(far_, first);
    auto is_ring = testing::Contains(HasSubstr("web is on both sides: it runs twice, or"));
    while (!testing::Value(first.log.warnings(), is_ring)) std::this_thread::yield();
}

TEST_F(VlanTrunk, OneThatIsNotReadLosesItsOwnFrames) {
    auto pair = socket_pair();
    join(near_, std::move(pair.first), "b");
    auto second = attach(fakes::Kind::vde, near_.vlan, near_.plug);
    auto text = std::string(60'000, 'x');
    for (int i = 0; i < 200; ++i) {
        near_.plug.send(frame(alice, bob, text));
        EXPECT_EQ(second->receive(), frame(alice, bob, text));
    }
    auto counters = near_.vlan.counters();
    EXPECT_GT(counters[Count::dropped_slow_port], 100u);
    EXPECT_EQ(counters[Count::received], 200u);
}

TEST_F(VlanTrunk, APipeThatNobodyReadsEndsTheTrunk) {
    auto there = pipe();
    auto back = pipe();
    auto trunk = near_.vlan.join({std::move(back.first), std::move(there.second), "b"}, deadline());
    there.first.reset();
    EXPECT_EQ(end_of(trunk), "the other side does not read it");
}

TEST_F(VlanTrunk, AStoppedVlanEndsItsTrunks) {
    auto pair = socket_pair();
    auto trunk = join(near_, std::move(pair.first), "b");
    near_.vlan.stop({});
    EXPECT_EQ(trunk->reason(), "the vlan was stopped");
    EXPECT_THROW(near_.vlan.end_trunk(trunk, deadline()), io::UsageError);
}

/// The far side is played by the test, which names two machines.
class TrunkFaults : public VlanTrunk {
protected:
    void SetUp() override {
        auto pair = socket_pair();
        trunk_ = join(near_, std::move(pair.first), "b");
        far_end_ = std::move(pair.second);
        timeval limit{20, 0};
        ::setsockopt(far_end_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        send(trunk::encode(trunk::Hello{1, trunk::random_segment_id()}) +
             trunk::encode(trunk::Name{0x525400120102, "bob"}) +
             trunk::encode(trunk::Name{0x525400120103, "carol"}));
        send(framed(frame(bob, broadcast, "here")));
        EXPECT_EQ(near_.plug.receive(), frame(bob, broadcast, "here"));
        std::string hello(trunk::hello_size, '\0');
        ASSERT_EQ(::recv(far_end_.get(), hello.data(), hello.size(), MSG_WAITALL), 32);
    }
    static std::string framed(const std::string& text) {
        std::string head(length_size, '\0');
        write_length(reinterpret_cast<std::byte*>(head.data()), text.size());
        return head + text;
    }
    void send(const std::string& bytes) { ASSERT_TRUE(fakes::send_all(far_end_.get(), bytes)); }
    std::string receive() {
        std::array<std::byte, length_size> head{};
        EXPECT_EQ(::recv(far_end_.get(), head.data(), head.size(), MSG_WAITALL), 4);
        std::string text(read_length(head.data()), '\0');
        ::recv(far_end_.get(), text.data(), text.size(), MSG_WAITALL);
        return text;
    }
    std::shared_ptr<fault::LiveFaultCounts> cut(const std::string& from, const std::string& to) {
        fault::Spec spec;
        spec.name = from + to;
        spec.kind = fault::Cut{};
        spec.links = {{from, to}};
        auto counts = spec.counts;
        near_.vlan.add_fault(std::move(spec), deadline());
        return counts;
    }

    std::shared_ptr<Trunk> trunk_;
    io::UniqueFd far_end_;
};

TEST_F(TrunkFaults, ALinkToOneFarMachineIsCutInOneDirection) {
    auto counts = cut("plug0", "bob");
    near_.plug.send(frame(alice, bob, "lost"));
    near_.plug.send(frame(alice, carol, "for Carol"));
    EXPECT_EQ(receive(), frame(alice, carol, "for Carol"));
    EXPECT_EQ((*counts)[fault::FaultCount::dropped], 1u);
    send(framed(frame(bob, alice, "other direction")));
    EXPECT_EQ(near_.plug.receive(), frame(bob, alice, "other direction"));
}

TEST_F(TrunkFaults, ALinkFromOneFarMachineIsCut) {
    cut("bob", "plug0");
    send(framed(frame(bob, alice, "lost")) + framed(frame(carol, alice, "from Carol")));
    EXPECT_EQ(near_.plug.receive(), frame(carol, alice, "from Carol"));
}

TEST_F(TrunkFaults, TheFateOfALinkIsDecidedOnceAlsoWithFurtherTrunks) {
    auto pair = socket_pair();
    join(near_, std::move(pair.first), "c");
    auto counts = cut("plug0", "bob");
    near_.plug.send(frame(alice, bob, "lost"));
    near_.plug.send(frame(alice, carol, "for Carol"));
    EXPECT_EQ(receive(), frame(alice, carol, "for Carol"));
    EXPECT_EQ((*counts)[fault::FaultCount::seen], 1u);
}

TEST_F(TrunkFaults, NamesEndWithTheTrunk) {
    auto counts = cut("plug0", "bob");
    near_.vlan.end_trunk(trunk_, deadline());
    auto second = attach(fakes::Kind::vde, near_.vlan, near_.plug);
    near_.plug.send(frame(alice, bob, "to any"));
    EXPECT_EQ(second->receive(), frame(alice, bob, "to any"));
    EXPECT_EQ((*counts)[fault::FaultCount::seen], 0u);
}

TEST_F(VlanTrunk, NamesOfMachinesPassToTheOtherSide) {
    auto pair = socket_pair();
    auto trunk = join(near_, std::move(pair.first), "b");
    // The names of a third segment pass through this one.
    auto third = socket_pair();
    join(near_, std::move(third.first), "c");
    std::string received(trunk::hello_size, '\0');
    ASSERT_EQ(::recv(pair.second.get(), received.data(), received.size(), MSG_WAITALL), 32);
    trunk::Name name{0x525400120103, "carol"};
    ASSERT_TRUE(fakes::send_all(third.second.get(),
                                trunk::encode(trunk::Hello{1, trunk::random_segment_id()}) +
                                    trunk::encode(name) + trunk::encode(name)));
    auto expected = trunk::encode(name);
    received.resize(expected.size());
    ASSERT_EQ(::recv(pair.second.get(), received.data(), received.size(), MSG_WAITALL),
              static_cast<ssize_t>(expected.size()));
    EXPECT_EQ(received, expected);
}

TEST_F(VlanTrunk, ATrunkThatNamesTooManyMachinesEndsNoOther) {
    constexpr Address address = 0x525400120103;
    auto pair = socket_pair();
    auto bad = join(near_, std::move(pair.first), "bad");
    auto named = trunk::encode(trunk::Hello{1, trunk::random_segment_id()});
    for (std::size_t i = 0; i <= trunk::Trunks::max_names; ++i)
        named += trunk::encode(trunk::Name{address, fmt::format("machine{}", i)});
    fakes::send_all(pair.second.get(), named);
    EXPECT_THAT(end_of(bad), HasSubstr("it has named more than 4096 machines"));
    auto second = socket_pair();
    auto good = join(near_, std::move(second.first), "good");
    fakes::send_all(second.second.get(),
                    trunk::encode(trunk::Hello{1, trunk::random_segment_id()}) +
                        trunk::encode(trunk::Name{address, "web"}));
    second.second.reset();
    EXPECT_EQ(end_of(good), "it was closed by the other side");
}

}  // namespace
}  // namespace charioteer::vlan
