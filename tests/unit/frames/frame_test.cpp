#include "frames/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

namespace charioteer::frames {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Line = std::vector<unsigned char>;

Bytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

void append(Line& line, std::string_view noise) {
    line.insert(line.end(), noise.begin(), noise.end());
}

void append_frame(Line& line, Type type, std::uint32_t stream, std::string_view payload) {
    std::array<unsigned char, header_size> header{};
    write_header({.type = type, .stream = stream, .sequence = 7}, bytes_of(payload), header);
    line.insert(line.end(), header.begin(), header.end());
    append(line, payload);
}

struct Scanned {
    std::vector<std::string> payloads;
    std::size_t noise = 0;
    std::size_t left = 0;  ///< bytes that wait for more
};

Scanned scan_all(Bytes line, Expect expect = Expect::any) {
    Scanned result;
    for (;;) {
        auto found = scan(line, expect);
        if (found.kind == Scan::Kind::incomplete) break;
        EXPECT_GT(found.size, 0u);
        EXPECT_LE(found.size, line.size());
        if (found.kind == Scan::Kind::noise)
            result.noise += found.size;
        else
            result.payloads.emplace_back(found.payload.begin(), found.payload.end());
        line = line.subspan(found.size);
    }
    result.left = line.size();
    return result;
}

TEST(Frames, AFrameIsReadAsItWasWritten) {
    Line line;
    append_frame(line, Type::output, 0xdeadbeef, "hello");
    auto found = scan(line, Expect::any);
    ASSERT_EQ(found.kind, Scan::Kind::frame);
    EXPECT_EQ(found.size, line.size());
    EXPECT_EQ(found.header.type, Type::output);
    EXPECT_EQ(found.header.stream, 0xdeadbeef);
    EXPECT_EQ(found.header.sequence, 7u);
    EXPECT_EQ(found.header.length, 5u);
    EXPECT_EQ(std::string(found.payload.begin(), found.payload.end()), "hello");
}

TEST(Frames, AFrameIsIncompleteUntilItsLastByte) {
    Line line;
    append_frame(line, Type::exec, 1, std::string(300, 'x'));
    for (std::size_t size = 0; size < line.size(); ++size)
        EXPECT_EQ(scan(Bytes(line).first(size), Expect::any).kind, Scan::Kind::incomplete) << size;
}

TEST(Frames, TheLargestPayloadIsAFrameAndALargerLengthIsNoise) {
    Line line;
    append_frame(line, Type::input, 1, std::string(max_payload, 'x'));
    EXPECT_EQ(scan_all(line).payloads.size(), 1u);
    Line larger;
    append_frame(larger, Type::input, 1, std::string(max_payload + 1, 'x'));
    EXPECT_EQ(scan(larger, Expect::any).kind, Scan::Kind::noise);
}

TEST(Frames, NoiseBetweenFramesIsSkipped) {
    Line line;
    append(line, "[   12.3] random: crng init done\n");
    append_frame(line, Type::output, 1, "one");
    append(line,
           "\xfe"
           "Ch\xfe");
    append_frame(line, Type::output, 1, "two");
    append(line, "noise");
    auto result = scan_all(line);
    EXPECT_THAT(result.payloads, ElementsAre("one", "two"));
    EXPECT_EQ(result.noise, 33u + 4u + 5u);
}

TEST(Frames, ATruncatedFrameLosesOnlyItself) {
    Line line;
    append_frame(line, Type::output, 1, std::string(100, 'x'));
    line.resize(60);
    append_frame(line, Type::output, 1, std::string(200, 'y'));
    append_frame(line, Type::output, 1, "after");
    EXPECT_THAT(scan_all(line).payloads, ElementsAre(std::string(200, 'y'), "after"));
}

TEST(Frames, AnyChangedByteIsDetected) {
    Line intact;
    append_frame(intact, Type::output, 1, "hello, world");
    for (std::size_t at = 0; at < intact.size(); ++at) {
        auto line = intact;
        line[at] ^= 0x10;
        append_frame(line, Type::output, 1, "next");
        EXPECT_THAT(scan_all(line).payloads, ElementsAre("next")) << "byte " << at;
    }
}

TEST(Frames, AnIncompleteFrameDoesNotDelayAHello) {
    Line line;
    append_frame(line, Type::output, 1, std::string(60000, 'x'));
    line.resize(500);
    append_frame(line, Type::hello, 0, "it is me");
    EXPECT_THAT(scan_all(line, Expect::any).payloads, IsEmpty());
    EXPECT_THAT(scan_all(line, Expect::hello).payloads, ElementsAre("it is me"));
}

TEST(Frames, RandomNoiseNeverHidesAFrameAfterIt) {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        Line line;
        auto size = random() % 200;
        for (std::size_t index = 0; index < size; ++index)
            line.push_back(random() % 4 == 0 ? 0xfe : static_cast<unsigned char>(random()));
        append_frame(line, Type::output, 1, "frame");
        ASSERT_THAT(scan_all(line).payloads, ElementsAre("frame")) << "round " << round;
    }
}

TEST(Frames, TheChecksumDependsOnEveryByteAndTheLength) {
    EXPECT_NE(checksum(bytes_of("")), checksum(bytes_of(std::string_view("\0", 1))));
    EXPECT_NE(checksum(bytes_of("abcdefgh12345678")), checksum(bytes_of("12345678abcdefgh")));
    EXPECT_NE(checksum(bytes_of("abcdefghi")), checksum(bytes_of("abcdefghj")));
}

TEST(Frames, TheChecksumIsThatOfTheProtocolDescription) {
    EXPECT_EQ(checksum({}), 15074728693083421371u);
    EXPECT_EQ(checksum(bytes_of("charioteer")), 1581008926796686601u);
}

}  // namespace
}  // namespace charioteer::frames
