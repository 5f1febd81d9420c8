/// What each kind of fault decides, with statistics over fixed seeds. The tolerances are five
/// standard deviations or more.

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "vlan/fault/kind.hpp"

namespace charioteer::vlan::fault {
namespace {

using namespace std::chrono_literals;
using Action = Fate::Action;

constexpr std::size_t frames = 100'000;
constexpr TimePoint start{1h};

class FaultKind : public testing::Test {
protected:
    Fate next(const Kind& kind, std::size_t size = 1000, TimePoint now = start) {
        return decide(kind, link_, size, now);
    }
    std::vector<bool> losses(const Lose& lose) {
        std::vector<bool> result;
        for (std::size_t i = 0; i < frames; ++i)
            result.push_back(next(lose).action == Action::drop);
        return result;
    }

    LinkState link_{42};
};

double share(const std::vector<bool>& values) {
    return static_cast<double>(std::count(values.begin(), values.end(), true)) /
           static_cast<double>(values.size());
}

/// Of successive values.
double correlation(const std::vector<bool>& values) {
    double mean = share(values);
    double sum = 0;
    for (std::size_t i = 1; i < values.size(); ++i)
        sum += (values[i] - mean) * (values[i - 1] - mean);
    return sum / static_cast<double>(values.size() - 1) / (mean * (1 - mean));
}

TEST_F(FaultKind, CutLosesEveryFrame) {
    for (int i = 0; i < 100; ++i) EXPECT_EQ(next(Cut{}).action, Action::drop);
}

TEST_F(FaultKind, IndependentLossesHaveTheirProbabilityAndNoCorrelation) {
    auto lost = losses({0.2, 0});
    EXPECT_NEAR(share(lost), 0.2, 0.007);
    EXPECT_NEAR(correlation(lost), 0, 0.016);
}

TEST_F(FaultKind, CorrelatedLossesHaveTheirProbabilityAndCorrelation) {
    auto lost = losses({0.2, 0.75});
    // The standard deviation is sqrt((1 + c) / (1 - c)) = 2.6 times that of independent losses.
    EXPECT_NEAR(share(lost), 0.2, 0.017);
    EXPECT_NEAR(correlation(lost), 0.75, 0.016);
}

TEST_F(FaultKind, ProbabilitiesZeroAndOneAreExact) {
    EXPECT_EQ(share(losses({0, 0})), 0);
    EXPECT_EQ(share(losses({1, 0})), 1);
    link_ = LinkState(42);
    EXPECT_EQ(share(losses({1, 0.9})), 1);
}

TEST_F(FaultKind, SlowDelaysWithinTheJitterAndKeepsTheOrder) {
    Slow slow{50ms, 10ms};
    double sum = 0;
    TimePoint last{};
    for (std::size_t i = 0; i < frames; ++i) {
        // 25 ms apart, more than twice the jitter: no frame waits for the one before.
        auto now = start + i * 25ms;
        auto fate = next(slow, 1000, now);
        ASSERT_EQ(fate.action, Action::delay);
        ASSERT_GE(fate.due, now + 40ms);
        ASSERT_LE(fate.due, now + 60ms);
        ASSERT_GE(fate.due, last);
        last = fate.due;
        sum += std::chrono::duration<double, std::milli>(fate.due - now).count();
    }
    EXPECT_NEAR(sum / frames, 50, 0.1);
}

TEST_F(FaultKind, SlowKeepsTheOrderOfABurst) {
    TimePoint last{};
    for (std::size_t i = 0; i < 1000; ++i) {
        auto due = next(Slow{50ms, 50ms}, 1000, start + i * 1us).due;
        ASSERT_GE(due, last);
        last = due;
    }
}

TEST_F(FaultKind, DuplicatesHaveTheirProbability) {
    std::vector<bool> doubled;
    for (std::size_t i = 0; i < frames; ++i) doubled.push_back(next(Duplicate{0.1}).is_duplicated);
    EXPECT_NEAR(share(doubled), 0.1, 0.005);
    EXPECT_NEAR(correlation(doubled), 0, 0.016);
}

TEST_F(FaultKind, ReorderedFramesHaveTheirProbabilityAndTheOthersAreNotDelayed) {
    std::vector<bool> late;
    for (std::size_t i = 0; i < frames; ++i) {
        auto fate = next(Reorder{0.25, 10ms});
        late.push_back(fate.action == Action::delay);
        if (late.back())
            ASSERT_EQ(fate.due, start + 10ms);
        else
            ASSERT_EQ(fate.action, Action::pass);
    }
    EXPECT_NEAR(share(late), 0.25, 0.007);
}

TEST_F(FaultKind, CorruptionInvertsAnyBitAfterTheHeader) {
    constexpr std::size_t size = 20;
    std::vector<std::size_t> hits(size * 8, 0);
    std::size_t corrupted = 0;
    for (std::size_t i = 0; i < frames; ++i) {
        auto bit = next(Corrupt{0.5}, size).inverted_bit;
        if (!bit) continue;
        ++corrupted;
        ++hits.at(*bit);
    }
    EXPECT_NEAR(static_cast<double>(corrupted) / frames, 0.5, 0.008);
    for (std::size_t bit = 0; bit < hits.size(); ++bit)
        EXPECT_EQ(hits[bit] > 0, bit >= 14 * 8) << bit;
}

TEST_F(FaultKind, CorruptionOfAnEmptyFrameDoesNothing) {
    EXPECT_FALSE(next(Corrupt{1}, 14).inverted_bit);
}

TEST_F(FaultKind, RateLetsFramesPassOneAfterTheOther) {
    Rate rate{1e6};
    // 1250 bytes take 10 ms.
    EXPECT_EQ(next(rate, 1250).due, start + 10ms);
    EXPECT_EQ(next(rate, 1250).due, start + 20ms);
    EXPECT_EQ(next(rate, 125, start + 5ms).due, start + 21ms);
    // An idle link does not save up.
    EXPECT_EQ(next(rate, 1250, start + 1s).due, start + 1010ms);
}

TEST_F(FaultKind, RateDropsWhatWouldWaitTooLong) {
    Rate rate{1e6};
    EXPECT_EQ(rate_queue(rate), 200ms);
    int queued = 0;
    while (next(rate, 1250).action == Action::delay) ++queued;
    EXPECT_EQ(queued, 21) << "one that is passing, and 200 ms";
    EXPECT_EQ(next(rate, 1250).action, Action::overflow);
    EXPECT_EQ(next(rate, 1250, start + 20ms).action, Action::delay);
}

TEST_F(FaultKind, SlowRatesHaveAQueueOfSomeFrames) {
    EXPECT_EQ(rate_queue({8 * 16 * 1024}), 1s);
}

TEST_F(FaultKind, HoldKeepsEveryFrame) {
    EXPECT_EQ(next(Hold{}).action, Action::hold);
}

TEST(FaultRandom, TheSameSeedGivesTheSameNumbers) {
    Random one(7);
    Random same(7);
    Random other(8);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        auto number = one.next();
        EXPECT_EQ(number, same.next());
        differs = differs || number != other.next();
    }
    EXPECT_TRUE(differs);
}

TEST(FaultRandom, NumbersDoNotChangeBetweenReleases) {
    // A seed in a report of last year repeats the run. The values are those of SplitMix64.
    Random random(1234567);
    EXPECT_EQ(random.next(), 6457827717110365317u);
    EXPECT_EQ(random.next(), 3203168211198807973u);
}

TEST(FaultRandom, ASeedDependsOnEveryName) {
    auto seed = derived_seed(1, {"slow-1", "a", "b"});
    EXPECT_EQ(seed, derived_seed(1, {"slow-1", "a", "b"}));
    EXPECT_NE(seed, derived_seed(2, {"slow-1", "a", "b"}));
    EXPECT_NE(seed, derived_seed(1, {"slow-1", "b", "a"}));
    EXPECT_NE(seed, derived_seed(1, {"slow-2", "a", "b"}));
    EXPECT_NE(seed, derived_seed(1, {"slow-1", "ab", ""}));
}

}  // namespace
}  // namespace charioteer::vlan::fault
