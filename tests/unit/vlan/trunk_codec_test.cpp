/// What is sent over a trunk, without I/O.

#include "vlan/trunk/trunk_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace charioteer::vlan::trunk {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Hello hello{7, {std::byte{1}, std::byte{2}}};

std::string framed(std::string_view text) {
    std::string result(length_size, '\0');
    write_length(reinterpret_cast<std::byte*>(result.data()), text.size());
    return result.append(text);
}

/// Feeds a decoder and collects what it decodes.
class Reader {
public:
    void feed(std::string_view bytes) {
        auto source = std::as_bytes(std::span(bytes));
        std::copy(source.begin(), source.end(), decoder.room().begin());
        decoder.received(bytes.size());
        std::vector<Frame> frames;
        std::vector<Name> found;
        error = decoder.decode(frames, found);
        for (const auto& frame : frames) {
            EXPECT_EQ(read_length(frame.data - length_size), frame.size);
            texts.emplace_back(reinterpret_cast<const char*>(frame.data), frame.size);
        }
        for (const auto& name : found) names.push_back(name.machine);
    }

    std::string refusal;
    unsigned vlan = 0;
    Decoder decoder{[this](const Hello& theirs) {
        vlan = theirs.vlan;
        return refusal;
    }};
    std::string error;
    std::vector<std::string> texts;
    std::vector<std::string> names;
};

TEST(TrunkDecoder, FindsFramesAndNamesInAnyPieces) {
    auto stream = encode(hello) + framed("first frame") + encode(Name{0x525400120101, "server"}) +
                  framed("") + framed("second");
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        Reader reader;
        for (std::size_t at = 0; at < stream.size(); at += size) {
            reader.feed(std::string_view(stream).substr(at, size));
            ASSERT_EQ(reader.error, "") << "in pieces of " << size;
        }
        EXPECT_THAT(reader.texts, ElementsAre("first frame", "", "second"));
        EXPECT_THAT(reader.names, ElementsAre("server"));
        EXPECT_EQ(reader.vlan, 7u);
        EXPECT_TRUE(reader.decoder.is_joined());
    }
}

TEST(TrunkDecoder, SaysWhereTheStreamWasCut) {
    auto stream = encode(hello) + framed("frame");
    auto end_after = [&](std::size_t size) {
        Reader reader;
        reader.feed(std::string_view(stream).substr(0, size));
        return reader.decoder.end();
    };
    EXPECT_EQ(end_after(0), "it was closed before its hello");
    EXPECT_EQ(end_after(10), "it was closed within its hello");
    EXPECT_EQ(end_after(hello_size), "it was closed by the other side");
    EXPECT_EQ(end_after(hello_size + 2), "it was closed within the length of a frame");
    EXPECT_EQ(end_after(hello_size + 7), "it was closed within a frame, after 3 of 5 bytes");
    EXPECT_EQ(end_after(stream.size()), "it was closed by the other side");
}

TEST(TrunkDecoder, RejectsWhatIsNotATrunk) {
    for (const auto* text : {"S", "SSH-2.0-OpenSSH_9.2\r\n", "chartrnX"}) {
        Reader reader;
        reader.feed(text);
        EXPECT_EQ(reader.error, "it sent something that is not a trunk of Charioteer") << text;
    }
}

TEST(TrunkDecoder, RejectsAnotherVersionAndWhatItsOwnerRefuses) {
    auto other = encode(hello);
    other[11] = 9;
    Reader reader;
    reader.feed(other);
    EXPECT_EQ(reader.error, "it has version 9 of trunks, and this side version 1");
    Reader refusing;
    refusing.refusal = "it leads elsewhere";
    refusing.feed(encode(hello) + framed("frame"));
    EXPECT_EQ(refusing.error, "it leads elsewhere");
    EXPECT_THAT(refusing.texts, IsEmpty());
}

TEST(TrunkDecoder, RejectsRecordsThatAreTooLong) {
    Reader reader;
    reader.feed(encode(hello) + framed("good") + framed(std::string(max_frame_size + 1, 'x')));
    EXPECT_THAT(reader.error, HasSubstr("it sent a frame of 69633 bytes"));
    EXPECT_THAT(reader.texts, ElementsAre("good"));
    Reader named;
    named.feed(encode(hello) + std::string("\x80\x01\0\0", 4));
    EXPECT_EQ(named.error, "it sent a name of 65536 bytes");
}

TEST(TrunkDecoder, RejectsInvalidNames) {
    for (const auto* name : {"line\nbreak", "\x1b[31mred", "del\x7f", "caf\xe9"}) {
        EXPECT_EQ(encode(Name{1, name}), "");
        auto record = encode(Name{1, std::string(std::string_view(name).size(), 'x')});
        record.replace(10, std::string::npos, name);
        Reader reader;
        reader.feed(encode(hello) + record);
        EXPECT_EQ(reader.error, "it sent an invalid name of a machine") << name;
    }
    EXPECT_EQ(encode(Name{1, std::string(max_name_size + 1, 'x')}), "");
    EXPECT_EQ(encode(Name{1, ""}), "");
    Reader group;
    group.feed(encode(hello) + encode(Name{0xffff'ffff'ffff, "all"}));
    EXPECT_EQ(group.error, "it sent an invalid name of a machine");
}

}  // namespace
}  // namespace charioteer::vlan::trunk
