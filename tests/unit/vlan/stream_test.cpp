#include "vlan/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace charioteer::vlan {
namespace {

std::string framed(std::string_view text) {
    std::string result(length_size, '\0');
    write_length(reinterpret_cast<std::byte*>(result.data()), text.size());
    return result.append(text);
}

/// Feeds a decoder and collects its frames.
class Reader {
public:
    StreamDecoder::Health feed(std::string_view bytes) {
        auto buffer = decoder_.room();
        auto source = std::as_bytes(std::span(bytes));
        std::copy(source.begin(), source.end(), buffer.begin());
        decoder_.received(bytes.size());
        std::vector<Frame> frames;
        auto health = decoder_.decode(frames);
        for (const auto& frame : frames) {
            EXPECT_EQ(read_length(frame.data - length_size), frame.size);
            texts.emplace_back(reinterpret_cast<const char*>(frame.data), frame.size);
        }
        return health;
    }

    std::vector<std::string> texts;

private:
    StreamDecoder decoder_;
};

TEST(StreamDecoder, FindsFramesInAnyPieces) {
    std::string stream = framed("first frame") + framed("") + framed("second");
    std::vector<std::string> expected{"first frame", "", "second"};
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        Reader reader;
        for (std::size_t at = 0; at < stream.size(); at += size)
            EXPECT_EQ(reader.feed(stream.substr(at, size)), StreamDecoder::Health::good);
        EXPECT_EQ(reader.texts, expected) << "in pieces of " << size;
    }
}

TEST(StreamDecoder, AcceptsTheLongestFrame) {
    std::string longest(max_frame_size, 'x');
    auto stream = framed("before") + framed(longest) + framed("after");
    Reader reader;
    for (std::size_t at = 0; at < stream.size(); at += 1000) reader.feed(stream.substr(at, 1000));
    EXPECT_EQ(reader.texts, (std::vector<std::string>{"before", longest, "after"}));
}

TEST(StreamDecoder, RejectsAnOversizedLength) {
    Reader reader;
    auto stream = framed("good") + framed(std::string(max_frame_size + 1, 'x')).substr(0, 100);
    EXPECT_EQ(reader.feed(stream), StreamDecoder::Health::oversized);
    EXPECT_EQ(reader.texts, std::vector<std::string>{"good"});
}

TEST(StreamDecoder, AlwaysHasBufferSpace) {
    StreamDecoder decoder;
    std::vector<Frame> frames;
    for (int i = 0; i < 100; ++i) {
        auto buffer = decoder.room();
        ASSERT_GE(buffer.size(), StreamBuffer::min_room);
        // Zeros are empty frames; an odd count leaves an incomplete length.
        std::fill_n(buffer.begin(), 1001, std::byte{});
        decoder.received(1001);
        frames.clear();
        ASSERT_EQ(decoder.decode(frames), StreamDecoder::Health::good);
    }
}

}  // namespace
}  // namespace charioteer::vlan
