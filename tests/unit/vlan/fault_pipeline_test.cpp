/// Frames on their way through several faults, with a clock moved by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "io/error.hpp"
#include "plugs.hpp"
#include "vlan/fault/pipeline.hpp"

namespace charioteer::vlan::fault {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Spec spec(std::string name, Kind kind, std::vector<std::pair<std::string, std::string>> links) {
    Spec made;
    made.name = std::move(name);
    made.kind = kind;
    made.links = std::move(links);
    made.seed = 5;
    return made;
}

class FaultPipeline : public testing::Test {
protected:
    Link link(const std::string& from, const std::string& to) {
        return {stations_.number(from), stations_.number(to)};
    }
    void send(const std::string& from, const std::string& to, const std::string& text) {
        // With four bytes in front, as in a receive buffer.
        auto bytes = std::string(4, '\0') + fakes::frame({1}, {2}, text);
        auto* data = reinterpret_cast<const std::byte*>(bytes.data()) + 4;
        Packets out;
        pipeline_.pass(link(from, to), {{data, bytes.size() - 4}, {}}, now_, out);
        take(out);
    }
    void wait(Duration duration) {
        now_ += duration;
        Packets out;
        pipeline_.deliver_due(now_, out);
        take(out);
    }
    void remove(const std::string& name) {
        Packets out;
        pipeline_.remove(name, now_, out);
        take(out);
    }
    void take(const Packets& packets) {
        for (const auto& packet : packets) {
            auto* text = reinterpret_cast<const char*>(packet.frame.data) + 14;
            delivered_.emplace_back(text, packet.frame.size - 14);
        }
    }
    std::vector<std::string> delivered() { return std::exchange(delivered_, {}); }

    Stations stations_;
    Pipeline pipeline_{stations_};
    TimePoint now_{1h};
    std::vector<std::string> delivered_;
};

TEST_F(FaultPipeline, AFaultAppliesToItsDirectionOnly) {
    pipeline_.add(spec("drop-1", Cut{}, {{"a", "b"}}));
    send("a", "b", "lost");
    send("b", "a", "back");
    send("a", "c", "aside");
    EXPECT_THAT(delivered(), ElementsAre("back", "aside"));
}

TEST_F(FaultPipeline, AnEmptyNameIsAnyStation) {
    pipeline_.add(spec("drop-1", Cut{}, {{"a", ""}}));
    send("a", "b", "1");
    send("a", "c", "2");
    send("b", "a", "3");
    EXPECT_THAT(delivered(), ElementsAre("3"));
    pipeline_.add(spec("drop-2", Cut{}, {{"", ""}}));
    send("b", "a", "4");
    EXPECT_THAT(delivered(), IsEmpty());
}

TEST_F(FaultPipeline, PartitionsLetExactlyTheFramesWithinGroupsPass) {
    Random random(11);
    for (int round = 0; round < 50; ++round) {
        auto count = 2 + random.next() % 12;
        auto groups = 1 + random.next() % 4;
        std::vector<std::uint64_t> group_of(count);
        for (auto& group : group_of) group = random.next() % groups;
        std::vector<std::pair<std::string, std::string>> pairs;
        auto name = [](std::size_t station) { return "n" + std::to_string(station); };
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t j = 0; j < count; ++j)
                if (group_of[i] != group_of[j]) pairs.emplace_back(name(i), name(j));
        pipeline_.add(spec("partition-1", Cut{}, pairs));
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t j = 0; j < count; ++j) {
                send(name(i), name(j), "x");
                EXPECT_THAT(delivered(), SizeIs(group_of[i] == group_of[j] ? 1 : 0));
            }
        remove("partition-1");
        EXPECT_TRUE(pipeline_.empty());
        send(name(0), name(1), "healed");
        EXPECT_THAT(delivered(), ElementsAre("healed"));
    }
}

TEST_F(FaultPipeline, HeldFramesAreDeliveredTogetherInTheirOrder) {
    pipeline_.add(spec("hold-1", Hold{}, {{"a", "b"}, {"b", "a"}}));
    send("a", "b", "1");
    send("b", "a", "2");
    send("a", "b", "3");
    wait(24h);
    EXPECT_THAT(delivered(), IsEmpty());
    remove("hold-1");
    EXPECT_THAT(delivered(), ElementsAre("1", "2", "3"));
}

TEST_F(FaultPipeline, DelayedFramesComeAtTheirTime) {
    pipeline_.add(spec("slow-1", Slow{50ms, 0ms}, {{"a", "b"}}));
    EXPECT_FALSE(pipeline_.next_due());
    send("a", "b", "1");
    EXPECT_EQ(pipeline_.next_due(), now_ + 50ms);
    wait(49ms);
    EXPECT_THAT(delivered(), IsEmpty());
    wait(1ms);
    EXPECT_THAT(delivered(), ElementsAre("1"));
}

TEST_F(FaultPipeline, DelaysOfTwoFaultsAddUp) {
    pipeline_.add(spec("slow-1", Slow{50ms, 0ms}, {{"a", "b"}}));
    pipeline_.add(spec("slow-2", Slow{30ms, 0ms}, {{"", "b"}}));
    send("a", "b", "1");
    wait(79ms);
    EXPECT_THAT(delivered(), IsEmpty());
    wait(1ms);
    EXPECT_THAT(delivered(), ElementsAre("1"));
}

TEST_F(FaultPipeline, AFrameThatWaitsAtARemovedFaultPassesTheLaterOnes) {
    pipeline_.add(spec("hold-1", Hold{}, {{"a", "b"}}));
    pipeline_.add(spec("slow-1", Slow{50ms, 0ms}, {{"a", "b"}}));
    send("a", "b", "1");
    remove("hold-1");
    EXPECT_THAT(delivered(), IsEmpty());
    wait(50ms);
    EXPECT_THAT(delivered(), ElementsAre("1"));
}

TEST_F(FaultPipeline, FramesOfARemovedDelayAreNotOvertaken) {
    pipeline_.add(spec("slow-1", Slow{1s, 0ms}, {{"a", "b"}}));
    send("a", "b", "1");
    wait(100ms);
    send("a", "b", "2");
    remove("slow-1");
    send("a", "b", "3");
    EXPECT_THAT(delivered(), ElementsAre("1", "2", "3"));
    EXPECT_FALSE(pipeline_.next_due());
}

TEST_F(FaultPipeline, ReorderedFramesAreOvertaken) {
    pipeline_.add(spec("reorder-1", Reorder{0.5, 10ms}, {{"a", "b"}}));
    std::vector<std::string> sent;
    for (int i = 0; i < 20; ++i) {
        sent.push_back(std::to_string(i));
        send("a", "b", sent.back());
    }
    wait(10ms);
    auto received = delivered();
    EXPECT_NE(received, sent);
    EXPECT_THAT(received, testing::UnorderedElementsAreArray(sent));
}

TEST_F(FaultPipeline, DuplicatesFollowTheirFrame) {
    pipeline_.add(spec("duplicate-1", Duplicate{1}, {{"a", "b"}}));
    send("a", "b", "1");
    send("a", "b", "2");
    EXPECT_THAT(delivered(), ElementsAre("1", "1", "2", "2"));
}

TEST_F(FaultPipeline, ManyDuplicatingFaultsMultiplyAFrameBySixteenOnly) {
    for (int i = 0; i < 20; ++i)
        pipeline_.add(spec("duplicate-" + std::to_string(i), Duplicate{1}, {{"a", "b"}}));
    send("a", "b", "1");
    EXPECT_THAT(delivered(), SizeIs(16));
}

TEST_F(FaultPipeline, CorruptionChangesOneBitOfOneCopy) {
    pipeline_.add(spec("duplicate-1", Duplicate{1}, {{"a", "b"}}));
    pipeline_.add(spec("corrupt-1", Corrupt{0.5}, {{"a", "b"}}));
    int differing = 0;
    for (int i = 0; i < 100; ++i) {
        send("a", "b", "AAAA");
        auto both = delivered();
        ASSERT_THAT(both, SizeIs(2));
        for (const auto& text : both) {
            int bits = 0;
            for (char byte : text)
                bits += __builtin_popcount(static_cast<unsigned>(byte ^ 'A') & 255);
            ASSERT_LE(bits, 1);
        }
        differing += both[0] != both[1];
    }
    EXPECT_GT(differing, 20);
}

TEST_F(FaultPipeline, QueuesAreBoundedAndCountWhatOverflows) {
    auto hold = spec("hold-1", Hold{}, {{"a", "b"}});
    auto counts = hold.counts;
    pipeline_.add(std::move(hold));
    std::string text(1400, 'x');
    for (int i = 0; i < 10'000; ++i) send("a", "b", text);
    auto kept = (*counts)[FaultCount::held];
    EXPECT_LE(kept * text.size(), Pipeline::link_limit);
    EXPECT_GT(kept * text.size(), Pipeline::link_limit / 2);
    EXPECT_EQ((*counts)[FaultCount::overflowed], 10'000 - kept);
    remove("hold-1");
    EXPECT_THAT(delivered(), SizeIs(kept));
}

TEST_F(FaultPipeline, FramesThatDoNotFitIntoTheQueueTakeNoneOfTheRate) {
    // 200 ms of these frames need more than the memory of one link.
    pipeline_.add(spec("rate-1", Rate{1e9}, {{"a", "b"}}));
    std::string text(1236, 'x');  // 10 us for each frame
    for (int millisecond = 0; millisecond < 500; ++millisecond) {
        for (int i = 0; i < 200; ++i) send("a", "b", text);
        wait(1ms);
    }
    EXPECT_EQ(delivered().size(), 50'000u);
}

TEST_F(FaultPipeline, AllQueuesTogetherAreBounded) {
    auto hold = spec("hold-1", Hold{}, {{"", ""}});
    auto counts = hold.counts;
    pipeline_.add(std::move(hold));
    std::string text(60'000, 'x');
    for (int station = 0; station < 100; ++station)
        for (int i = 0; i < 60; ++i) send("n" + std::to_string(station), "b", text);
    EXPECT_LE((*counts)[FaultCount::held] * text.size(), Pipeline::total_limit);
    EXPECT_EQ((*counts)[FaultCount::held] + (*counts)[FaultCount::overflowed], 6000u);
    remove("hold-1");
    delivered();
    pipeline_.add(spec("hold-2", Hold{}, {{"a", "b"}}));
    send("a", "b", "there is room again");
    remove("hold-2");
    EXPECT_THAT(delivered(), ElementsAre("there is room again"));
}

TEST_F(FaultPipeline, OnlyFramesThatMatchTheFilterAreTouched) {
    auto cut = spec("drop-1", Cut{}, {{"", ""}});
    cut.filter = std::make_shared<Filter>("len > 100");
    auto counts = cut.counts;
    pipeline_.add(std::move(cut));
    send("a", "b", "short");
    send("a", "b", std::string(200, 'x'));
    EXPECT_THAT(delivered(), ElementsAre("short"));
    EXPECT_EQ((*counts)[FaultCount::seen], 1u);
}

TEST_F(FaultPipeline, AnotherFaultDoesNotChangeTheFates) {
    auto fates = [&] {
        pipeline_.add(spec("flaky-1", Lose{0.5, 0}, {{"a", "b"}}));
        for (int i = 0; i < 200; ++i) {
            send("a", "c", "on another link");
            send("a", "b", std::to_string(i));
        }
        remove("flaky-1");
        auto texts = delivered();
        std::erase_if(texts, [](const auto& text) { return text.size() > 3; });
        return texts;
    };
    auto alone = fates();
    pipeline_.add(spec("corrupt-1", Corrupt{0.5}, {{"a", "c"}}));
    pipeline_.add(spec("flaky-2", Lose{0.0, 0}, {{"a", "b"}}));
    EXPECT_EQ(fates(), alone);
}

TEST_F(FaultPipeline, FramesToSeveralStationsPassOnlyTheFaultsOfAllOfThem) {
    auto tap = stations_.number("tap");
    pipeline_.set_members(tap, {stations_.number("c1"), stations_.number("c2")});
    pipeline_.add(spec("drop-1", Cut{}, {{"a", "c1"}}));
    send("a", "tap", "for all");
    send("a", "c1", "for c1");
    EXPECT_THAT(delivered(), ElementsAre("for all"));
    pipeline_.add(spec("drop-2", Cut{}, {{"a", "c1"}, {"a", "c2"}}));
    send("a", "tap", "for all");
    EXPECT_THAT(delivered(), IsEmpty());
}

TEST_F(FaultPipeline, AnObserverLearnsWhatAFaultDoes) {
    std::vector<std::string> seen;
    pipeline_.observe([&](const Touch& touch) {
        seen.push_back(touch.fault + " " + touch.from + " " + touch.to);
        EXPECT_EQ(touch.fate.action, Fate::Action::drop);
    });
    pipeline_.add(spec("flaky-1", Lose{0, 0}, {{"a", "b"}}));
    pipeline_.add(spec("drop-1", Cut{}, {{"a", "b"}}));
    send("a", "b", "x");
    send("b", "a", "y");
    EXPECT_THAT(seen, ElementsAre("drop-1 a b"));
}

TEST_F(FaultPipeline, ANameIsUsedOnce) {
    pipeline_.add(spec("slow-1", Slow{}, {{"a", "b"}}));
    EXPECT_THROW(pipeline_.add(spec("slow-1", Slow{}, {{"a", "b"}})), io::UsageError);
    remove("slow-1");
    pipeline_.add(spec("slow-1", Slow{}, {{"a", "b"}}));
    remove("no such fault");
}

TEST_F(FaultPipeline, AFaultWithTooManyNamesLeavesNothingBehind) {
    std::vector<std::pair<std::string, std::string>> links;
    for (int i = 0; i < 70'000; ++i) links.emplace_back("n" + std::to_string(i), "");
    EXPECT_THROW(pipeline_.add(spec("isolate-1", Cut{}, links)), io::Error);
    EXPECT_TRUE(pipeline_.empty());
    send("n1", "n2", "untouched");
    EXPECT_THAT(delivered(), ElementsAre("untouched"));
}

TEST(FaultFilter, ABadExpressionIsAnErrorWithItsReason) {
    try {
        Filter filter("udp prot 41641");
        FAIL();
    } catch (const io::UsageError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("'udp prot 41641'"));
        EXPECT_THAT(error.what(), testing::HasSubstr("syntax error"));
    }
    EXPECT_THROW(Filter(std::string(5000, ' ')), io::UsageError);
    EXPECT_THROW(Filter(std::string("tcp\0", 4)), io::UsageError);
}

}  // namespace
}  // namespace charioteer::vlan::fault
