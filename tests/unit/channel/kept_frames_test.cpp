#include "channel/kept_frames.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace charioteer::channel {
namespace {

using frames::Type;
using testing::ElementsAre;
using testing::IsEmpty;

/// The frames in these bytes, as "sequence:payload".
std::vector<std::string> frames_in(std::string_view bytes) {
    std::vector<std::string> found;
    frames::Bytes rest(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    while (!rest.empty()) {
        auto scan = frames::scan(rest, frames::Expect::any);
        EXPECT_EQ(scan.kind, frames::Scan::Kind::frame);
        if (scan.kind != frames::Scan::Kind::frame) break;
        found.push_back(std::to_string(scan.header.sequence) + ":" +
                        std::string(scan.payload.begin(), scan.payload.end()));
        rest = rest.subspan(scan.size);
    }
    return found;
}

frames::Progress progress_of(std::string_view bytes) {
    frames::Progress progress;
    frames::Bytes rest(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    while (!rest.empty()) {
        auto scan = frames::scan(rest, frames::Expect::any);
        progress.pass(scan.head);
        rest = rest.subspan(scan.size);
    }
    return progress;
}

TEST(KeptFrames, AreKeptUntilTheyAreAcknowledged) {
    KeptFrames kept;
    for (auto text : {"a", "b", "c"}) kept.add(Type::text, 1, text);
    EXPECT_THAT(frames_in(kept.from(1)), ElementsAre("1:b", "2:c"));
    kept.acknowledge(2);
    EXPECT_EQ(kept.size(), 1U);
    EXPECT_THAT(frames_in(kept.from(2)), ElementsAre("2:c"));
    EXPECT_THAT(frames_in(kept.from(3)), IsEmpty());
}

TEST(KeptFrames, AnAcknowledgementOfUnknownFramesIsIgnored) {
    KeptFrames kept;
    for (auto text : {"a", "b", "c"}) kept.add(Type::text, 1, text);
    kept.acknowledge(4);
    kept.acknowledge(UINT32_MAX);
    EXPECT_EQ(kept.size(), 3U);
    kept.acknowledge(2);
    kept.acknowledge(1);
    EXPECT_EQ(kept.size(), 1U);
}

TEST(KeptFrames, RecogniseAReceiverOfTheSameFrames) {
    KeptFrames kept;
    std::string sent;
    std::vector<frames::Progress> steps{{}};
    for (auto text : {"a", "b", "c"}) {
        sent += kept.add(Type::text, 1, text);
        steps.push_back(progress_of(sent));
    }
    for (const auto& step : steps) EXPECT_TRUE(kept.can_continue(step)) << step.next;
    KeptFrames others;
    others.add(Type::text, 1, "A");
    EXPECT_FALSE(others.can_continue(steps[1]));
    // The same frames, but one that the receiver lacks is not kept any more.
    kept.acknowledge(2);
    EXPECT_FALSE(kept.can_continue(steps[1]));
    EXPECT_TRUE(kept.can_continue(steps[2]));
}

TEST(KeptFrames, RestartTheirNumbersWithTheWantedFrames) {
    KeptFrames kept;
    for (std::uint32_t stream : {1U, 2U, 1U, 2U}) kept.add(Type::text, stream, "x");
    kept.acknowledge(2);
    kept.restart([](std::uint32_t stream) { return stream == 2; });
    EXPECT_THAT(frames_in(kept.from(0)), ElementsAre("0:x"));
    EXPECT_THAT(frames_in(kept.add(Type::text, 3, "y")), ElementsAre("1:y"));
}

}  // namespace
}  // namespace charioteer::channel
