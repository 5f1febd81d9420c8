/// Capture files made from a recording.

#include "vlan/capture/follower.hpp"

#include <gtest/gtest.h>

#include "fakes/pcapng_blocks.hpp"
#include "frames.hpp"

namespace charioteer::vlan::capture {
namespace {

using charioteer::fakes::only;
using charioteer::fakes::PcapngBlock;
using charioteer::fakes::read_pcapng;
using fakes::Batch;
using fakes::counting_recording;
using fakes::frame;
using Texts = std::vector<std::string>;

constexpr auto from_oldest = Cursor::Begin::oldest;

std::vector<PcapngBlock> whole_file(Follower& follower) {
    std::string file;
    while (follower.read(file)) {
    }
    follower.finish(file);
    return read_pcapng(file);
}

Texts frames_in(const std::vector<PcapngBlock>& blocks) {
    Texts frames;
    for (const auto& packet : only(blocks, PcapngBlock::packet)) frames.push_back(packet.data);
    return frames;
}

TEST(FollowerTest, FileHasEachFrameWithItsSenderTimeAndComment) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1");
    auto db = recording->interface("db.1");
    recording->add(web, Batch({frame('d', 'w', "one"), frame('d', 'w', "two")}));
    recording->add(db, Batch({frame('w', 'd', "three")}), "dropped: partition at test.py:14");
    Follower follower(recording, {from_oldest, {}, "about it"});
    auto blocks = whole_file(follower);

    EXPECT_EQ(blocks.at(0).text(1), "about it");
    auto interfaces = only(blocks, PcapngBlock::interface);
    ASSERT_EQ(interfaces.size(), 2u);
    EXPECT_EQ(interfaces[0].text(2), "web.1");
    EXPECT_EQ(interfaces[1].text(2), "db.1");
    auto packets = only(blocks, PcapngBlock::packet);
    ASSERT_EQ(packets.size(), 3u);
    EXPECT_EQ(packets[0].data, frame('d', 'w', "one"));
    EXPECT_EQ(packets[0].number(0), web);
    EXPECT_EQ(packets[0].time(), 2u);
    EXPECT_EQ(packets[1].time(), 2u);
    EXPECT_EQ(packets[2].number(0), db);
    EXPECT_EQ(packets[2].time(), 3u);
    EXPECT_EQ(packets[2].text(1), "dropped: partition at test.py:14");
}

TEST(FollowerTest, InterfaceThatAppearsLaterIsDescribedBeforeItsFrames) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1");
    Follower follower(recording, {from_oldest, {}, {}});
    std::string file;
    EXPECT_FALSE(follower.read(file));
    EXPECT_EQ(read_pcapng(file).size(), 2u) << "what is known is written before there are frames";
    recording->add(web, Batch({frame('d', 'w', "one")}));
    auto db = recording->interface("db.1");
    recording->add(db, Batch({frame('w', 'd', "two")}));
    EXPECT_FALSE(follower.read(file));
    follower.finish(file);
    EXPECT_EQ(frames_in(read_pcapng(file)),
              (Texts{frame('d', 'w', "one"), frame('w', 'd', "two")}));
}

TEST(FollowerTest, LostFramesAreCountedAtTheirPlaceAndAtTheEnd) {
    auto recording = counting_recording({300, 2});
    auto web = recording->interface("web.1");
    auto load = std::string(200, 'x');
    for (char letter : std::string("abcde"))
        recording->add(web, Batch({frame('d', 'w', letter + load)}));
    Follower follower(recording, {from_oldest, {}, {}});
    auto blocks = whole_file(follower);
    auto packets = only(blocks, PcapngBlock::packet);
    ASSERT_EQ(packets.size(), 2u);
    EXPECT_EQ(packets[0].option_number(4), 3u);
    EXPECT_EQ(packets[1].options.count(4), 0u);
    auto statistics = only(blocks, PcapngBlock::statistics);
    ASSERT_EQ(statistics.size(), 1u);
    EXPECT_EQ(statistics[0].option_number(4), 5u);
    EXPECT_EQ(statistics[0].option_number(5), 3u);
    EXPECT_EQ(statistics[0].option_number(6), 2u);
    EXPECT_EQ(statistics[0].option_time(2), recording->begin());
    EXPECT_GT(statistics[0].option_time(3), packets[1].time());
}

TEST(FollowerTest, MachineHasItsFramesAndThoseForItAndForAll) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1", "web");
    auto web2 = recording->interface("web.x.1", "web.x");
    auto db = recording->interface("db.1", "db");
    std::string to_all = "\xff\xff\xff\xff\xff\xff" + frame('x', 'd', "to all").substr(6);
    recording->add(web, Batch({frame('d', 'w', "by it")}));
    recording->add(db, Batch({frame('w', 'd', "for it"), frame('e', 'd', "for another"), to_all}));
    recording->add(web2, Batch({frame('d', '2', "by one whose name begins with its name")}));
    Follower follower(recording, {from_oldest, "web", {}});
    auto blocks = whole_file(follower);
    EXPECT_EQ(frames_in(blocks),
              (Texts{frame('d', 'w', "by it"), frame('w', 'd', "for it"), to_all}));
    auto statistics = only(blocks, PcapngBlock::statistics);
    EXPECT_EQ(statistics.at(db).option_number(4), 3u);
    EXPECT_EQ(statistics.at(db).option_number(5), 0u);
    EXPECT_EQ(statistics.at(db).option_number(6), 2u);
}

TEST(FollowerTest, MachineHasFramesForAddressesThatWereLearnedBefore) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1", "web");
    auto db = recording->interface("db.1", "db");
    recording->learn(web, 0x02'00'00'00'00'78);
    recording->add(db, Batch({frame('x', 'd', "for it"), frame('w', 'd', "not yet")}));
    Follower follower(recording, {from_oldest, "web", {}});
    EXPECT_EQ(frames_in(whole_file(follower)), Texts{frame('x', 'd', "for it")});
}

TEST(FollowerTest, OnlyTheLatestAddressesOfAMachineAreRemembered) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1", "web");
    auto db = recording->interface("db.1", "db");
    for (int number = 0; number < 65; ++number)
        recording->add(web, Batch({frame('d', static_cast<char>(number), "")}));
    auto forgotten = frame(0, 'd', "");
    auto known = frame(1, 'd', "");
    recording->add(db, Batch({forgotten, known}));
    Follower follower(recording, {from_oldest, "web", {}});
    auto frames = frames_in(whole_file(follower));
    ASSERT_EQ(frames.size(), 66u);
    EXPECT_EQ(frames.back(), known);
}

TEST(FollowerTest, LongRecordingIsReadInPieces) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1");
    auto load = frame('d', 'w', std::string(1400, 'x'));
    for (int i = 0; i < 1000; ++i) recording->add(web, Batch({load}));
    Follower follower(recording, {from_oldest, {}, {}});
    std::string file;
    std::size_t pieces = 1;
    for (std::string piece; follower.read(piece); piece.clear(), ++pieces) {
        EXPECT_LT(piece.size(), 300u << 10);
        file += piece;
    }
    EXPECT_GE(pieces, 5u);
    EXPECT_GT(frames_in(read_pcapng(file)).size(), 800u);
}

}  // namespace
}  // namespace charioteer::vlan::capture
