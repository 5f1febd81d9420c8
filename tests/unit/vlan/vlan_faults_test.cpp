/// Faults on a segment with real sockets, for both kinds of plugs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "io/error.hpp"
#include "io/time_source.hpp"
#include "plugs.hpp"
#include "vlan/fault/fault.hpp"
#include "vlan/vlan.hpp"

namespace charioteer::vlan {
namespace {

using namespace std::chrono_literals;
using fakes::alice;
using fakes::bob;
using fakes::broadcast;
using fakes::frame;
using fakes::Kind;

/// In bytes.
std::size_t resident_memory() {
    std::ifstream file("/proc/self/statm");
    std::size_t whole = 0;
    std::size_t resident = 0;
    file >> whole >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// What may wait: 64 MiB at the faults, and 1 MiB at each of 23 ports. AddressSanitizer itself
/// keeps hundreds of megabytes of freed memory, so that only builds without it compare the memory.
/// With it, the flood is as short as the overflow of a queue allows.
constexpr std::size_t memory_bound = 120 << 20;
#if defined(__SANITIZE_ADDRESS__)
constexpr bool compares_memory = false;
constexpr std::uint64_t overflowing_frames = 20'000;
#else
constexpr bool compares_memory = true;
/// Four times `memory_bound`, if each was kept.
constexpr std::uint64_t overflowing_frames = 350'000;
#endif

/// Alice at port 1 and Bob at port 2, after Carol at port 0, who receives what they receive.
class VlanFaults : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        alice_ = attach(GetParam(), vlan_, carol_);
        bob_ = attach(GetParam(), vlan_, carol_);
        if (GetParam() == Kind::stream) alice_->receive();
    }
    io::Deadline deadline() { return time_.deadline_after(100s); }
    /// Of the link from Alice to Bob, or to another plug.
    std::shared_ptr<fault::LiveFaultCounts> add(const std::string& name, fault::Kind kind,
                                                const std::string& target = "plug2") {
        fault::Spec spec;
        spec.name = name;
        spec.kind = kind;
        spec.links = {{"plug1", target}};
        auto counts = spec.counts;
        vlan_.add_fault(std::move(spec), deadline());
        return counts;
    }
    void remove(const std::string& name) { vlan_.remove_fault(name, deadline()); }

    io::SteadyTime time_;
    fakes::TemporaryDirectory directory_;
    fakes::EventLog log_;
    Vlan vlan_{1, directory_.path(), log_.sink()};
    fakes::FakeVdePlug carol_{vlan_.control_directory()};
    std::unique_ptr<fakes::FakePlug> alice_;
    std::unique_ptr<fakes::FakePlug> bob_;
};

TEST_P(VlanFaults, ACutLinkLosesFramesInOneDirectionUntilItIsRemoved) {
    auto counts = add("drop-1", fault::Cut{});
    alice_->send(frame(alice, bob, "lost"));
    EXPECT_EQ(carol_.receive(), frame(alice, bob, "lost"));
    bob_->send(frame(bob, alice, "other direction"));
    EXPECT_EQ(alice_->receive(), frame(bob, alice, "other direction"));
    EXPECT_EQ((*counts)[fault::FaultCount::dropped], 1u);
    remove("drop-1");
    alice_->send(frame(alice, bob, "healed"));
    EXPECT_EQ(bob_->receive(), frame(alice, bob, "healed"));
}

TEST_P(VlanFaults, DelayedFramesComeInTheirOrderAndNotTooEarly) {
    add("slow-1", fault::Slow{50ms, 10ms});
    auto begin = time_.now();
    for (int i = 0; i < 50; ++i) alice_->send(frame(alice, bob, std::to_string(i)));
    EXPECT_EQ(bob_->receive(), frame(alice, bob, "0"));
    EXPECT_GE(time_.now() - begin, 40ms);
    for (int i = 1; i < 50; ++i) EXPECT_EQ(bob_->receive(), frame(alice, bob, std::to_string(i)));
}

TEST_P(VlanFaults, HeldFramesAreDeliveredWhenTheFaultIsRemoved) {
    auto counts = add("hold-1", fault::Hold{});
    for (int i = 0; i < 50; ++i) {
        alice_->send(frame(alice, bob, std::to_string(i)));
        EXPECT_EQ(carol_.receive(), frame(alice, bob, std::to_string(i)));
    }
    remove("hold-1");
    EXPECT_EQ((*counts)[fault::FaultCount::held], 50u);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(bob_->receive(), frame(alice, bob, std::to_string(i)));
}

TEST_P(VlanFaults, AddressesAreLearnedAlsoWithoutAFault) {
    bob_->send(frame(bob, broadcast, "here I am"));
    carol_.receive();
    auto counts = add("hold-1", fault::Hold{}, "plug0");
    alice_->send(frame(alice, bob, "overheard by Carol"));
    EXPECT_EQ(carol_.receive(), frame(alice, bob, "overheard by Carol"));
    EXPECT_EQ((*counts)[fault::FaultCount::held], 0u);
    remove("hold-1");

    // The address moves to Carol, and back.
    carol_.send(frame(bob, broadcast, "I am Bob"));
    bob_->receive();
    bob_->receive();
    counts = add("hold-2", fault::Hold{}, "plug0");
    alice_->send(frame(alice, bob, "for Carol"));
    EXPECT_EQ(bob_->receive(), frame(alice, bob, "for Carol"));
    EXPECT_EQ((*counts)[fault::FaultCount::held], 1u);
    remove("hold-2");
    bob_->send(frame(bob, broadcast, "I am Bob again"));
    while (carol_.receive() != frame(bob, broadcast, "I am Bob again")) {
    }
    counts = add("hold-3", fault::Hold{}, "plug0");
    alice_->send(frame(alice, bob, "overheard again"));
    EXPECT_EQ(carol_.receive(), frame(alice, bob, "overheard again"));
    EXPECT_EQ((*counts)[fault::FaultCount::held], 0u);
}

TEST_P(VlanFaults, TaggedFramesAndBroadcastsAreDroppedToo) {
    add("drop-1", fault::Cut{});
    alice_->send(frame(alice, bob, "tagged", 0x8100));
    alice_->send(frame(alice, broadcast, "all"));
    EXPECT_EQ(carol_.receive(), frame(alice, bob, "tagged", 0x8100));
    EXPECT_EQ(carol_.receive(), frame(alice, broadcast, "all"));
    remove("drop-1");
    alice_->send(frame(alice, bob, "first"));
    EXPECT_EQ(bob_->receive(), frame(alice, bob, "first"));
}

TEST_P(VlanFaults, AFrameForAPlugThatHasGoneIsCountedAsGone) {
    add("hold-1", fault::Hold{});
    alice_->send(frame(alice, bob, "late"));
    carol_.receive();
    bob_.reset();
    // The segment has noticed that Bob has gone when his port is free again.
    while (vlan_.plugs(deadline()).size() == 3) {
    }
    remove("hold-1");
    vlan_.stop({});
    EXPECT_EQ(vlan_.counters()[Count::dropped_gone], 1u);
}

TEST_P(VlanFaults, AFloodUnderEveryFaultIsBoundedAndLeavesOtherSegmentsUndisturbed) {
    Vlan other(2, directory_.path(), log_.sink());
    fakes::FakeVdePlug dave(other.control_directory());
    fakes::FakeVdePlug erin(other.control_directory());
    // None of these plugs is read, so that all queues become full.
    std::vector<std::unique_ptr<fakes::FakePlug>> audience;
    for (int i = 0; i < 20; ++i) audience.push_back(attach(GetParam(), vlan_, carol_));
    add("duplicate-1", fault::Duplicate{1}, "");
    add("corrupt-1", fault::Corrupt{0.5}, "");
    add("reorder-1", fault::Reorder{0.5, 10ms}, "");
    add("flaky-1", fault::Lose{0.2, 0.75}, "");
    auto slow = add("slow-1", fault::Slow{10min, 5min}, "");
    add("rate-1", fault::Rate{1e6}, "");
    add("hold-1", fault::Hold{}, "");
    auto before = resident_memory();
    std::atomic<bool> is_flooding{true};
    std::thread flood([&] {
        auto load = frame(alice, broadcast, std::string(1400, 'x'));
        while (is_flooding && alice_->send(load)) {
        }
    });
    while ((*slow)[fault::FaultCount::overflowed] < overflowing_frames) {
        dave.send(frame(alice, bob, "meanwhile"));
        EXPECT_EQ(erin.receive(), frame(alice, bob, "meanwhile"));
    }
    auto after = resident_memory();
    is_flooding = false;
    flood.join();
    EXPECT_GT((*slow)[fault::FaultCount::delayed] * 1400, 40u << 20);
    EXPECT_TRUE(!compares_memory || after < before + memory_bound) << before << " to " << after;
}

TEST_P(VlanFaults, StopsWhileFramesWait) {
    add("hold-1", fault::Hold{});
    add("slow-1", fault::Slow{1h, 0ms});
    alice_->send(frame(alice, bob, "never"));
    carol_.receive();
    vlan_.stop({});
    EXPECT_THROW(add("drop-1", fault::Cut{}), io::UsageError);
    EXPECT_THROW(remove("hold-1"), io::UsageError);
}

std::string kind_name(const testing::TestParamInfo<Kind>& info) {
    return info.param == Kind::vde ? "Vde" : "Stream";
}

INSTANTIATE_TEST_SUITE_P(Plugs, VlanFaults, testing::Values(Kind::vde, Kind::stream), kind_name);

}  // namespace
}  // namespace charioteer::vlan
