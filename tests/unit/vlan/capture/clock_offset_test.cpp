/// The moment from which a recording computes its times.

#include "vlan/capture/clock_offset.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace charioteer::vlan::capture {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// Two clocks, 1000 s apart, of a thread that pauses behind each reading of the steady one. The
/// last pause is that of all further readings.
class PausingThread {
public:
    explicit PausingThread(std::vector<nanoseconds> pauses) : pauses_(std::move(pauses)) {}

    Moment moment() {
        bool is_first = true;
        return moment_of(
            [&] {
                auto read = now_;
                if (is_first) now_ += pauses_[std::min(reading_++, pauses_.size() - 1)];
                is_first = !is_first;
                return read;
            },
            [&] { return now_ + 1000s; });
    }
    std::size_t readings() const { return reading_; }

private:
    std::vector<nanoseconds> pauses_;
    std::size_t reading_ = 0;
    nanoseconds now_{5s};
};

TEST(MomentOfTwoClocks, AReadingWithoutAPauseIsEnough) {
    PausingThread thread({1us});
    auto moment = thread.moment();
    EXPECT_EQ(moment.steady, 5s);
    EXPECT_EQ(moment.wall - moment.steady, 1000s + 1us);
    EXPECT_EQ(thread.readings(), 1u);
}

TEST(MomentOfTwoClocks, AReadingWithAPauseIsRepeated) {
    PausingThread thread({3s, 200us, 2us, 1s});
    auto moment = thread.moment();
    EXPECT_EQ(moment.wall - moment.steady, 1000s + 2us);
    EXPECT_EQ(thread.readings(), 3u);
}

TEST(MomentOfTwoClocks, WhenAllHavePausesTheShortestCounts) {
    PausingThread thread({3s, 200us, 1s});
    auto moment = thread.moment();
    EXPECT_EQ(moment.wall - moment.steady, 1000s + 200us);
    EXPECT_EQ(thread.readings(), 100u);
}

}  // namespace
}  // namespace charioteer::vlan::capture
