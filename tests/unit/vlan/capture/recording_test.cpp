/// The ring of a segment's last frames, and its readers.

#include "vlan/capture/recording.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "frames.hpp"

namespace charioteer::vlan::capture {
namespace {

using fakes::Batch;
using fakes::counting_recording;
using Texts = std::vector<std::string>;

/// Chunks for one frame of 100 bytes each.
constexpr std::size_t small_chunk = 200;

Texts texts_of(Bytes frames) {
    Texts texts;
    while (!frames.empty()) {
        auto size = read_length(frames.data());
        texts.emplace_back(reinterpret_cast<const char*>(frames.data()) + length_size, size);
        frames = frames.subspan(length_size + size);
    }
    return texts;
}

/// The frames that a cursor has not read yet.
Texts rest_of(Cursor& cursor) {
    Texts texts;
    while (auto record = cursor.next())
        for (auto& text : texts_of(record->frames)) texts.push_back(std::move(text));
    return texts;
}

std::string hundred(char letter) {
    return std::string(100, letter);
}

TEST(RecordingTest, ReaderGetsFramesWithTheirTimeInterfaceAndComment) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1");
    auto db = recording->interface("db.1");
    recording->add(db, Batch({"one", "two"}), "delayed");
    recording->add(web, Batch({"three"}, true));

    Cursor cursor(recording, Cursor::Begin::oldest);
    auto first = cursor.next().value();
    EXPECT_EQ(first.interface, db);
    EXPECT_EQ(first.time, 2u) << "the second look at the clock; the first was at the begin";
    EXPECT_EQ(first.comment, "delayed");
    EXPECT_EQ(texts_of(first.frames), (Texts{"one", "two"}));
    auto second = cursor.next().value();
    EXPECT_EQ(second.interface, web);
    EXPECT_EQ(second.time, 3u);
    EXPECT_EQ(second.comment, "");
    EXPECT_EQ(texts_of(second.frames), (Texts{"three"}));
    EXPECT_FALSE(cursor.next());
    EXPECT_EQ(cursor.passed(db), 2u);
    EXPECT_EQ(cursor.lost(db), 0u);
}

TEST(RecordingTest, FramesThatLieApartInMemoryAreKeptInTheirOrder) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1");
    Texts sent{"", "a", "bb", std::string(3000, 'c'), "d"};
    recording->add(web, Batch(sent, true));
    recording->add(web, Batch(sent, false));
    Cursor cursor(recording, Cursor::Begin::oldest);
    auto twice = sent;
    twice.insert(twice.end(), sent.begin(), sent.end());
    EXPECT_EQ(rest_of(cursor), twice);
}

TEST(RecordingTest, InterfaceOfAKnownNameIsTheSame) {
    auto recording = counting_recording();
    EXPECT_EQ(recording->interface("web.1"), 0u);
    EXPECT_EQ(recording->interface("db.1"), 1u);
    EXPECT_EQ(recording->interface("web.1"), 0u);
    auto names = [&](InterfaceId from) {
        Texts found;
        for (const auto& each : recording->interfaces(from)) found.push_back(each.name);
        return found;
    };
    EXPECT_EQ(names(0), (Texts{"web.1", "db.1"}));
    EXPECT_EQ(names(1), (Texts{"db.1"}));
    EXPECT_EQ(names(7), Texts{});
}

TEST(RecordingTest, MachinesAreThoseWithAnInterface) {
    auto recording = counting_recording();
    recording->interface("web.1", "web");
    recording->interface("plug1");
    recording->interface("web.1#2", "web");
    recording->interface("db.1", "db");
    EXPECT_EQ(recording->machines(), (Texts{"db", "web"}));
}

TEST(RecordingTest, AddressIsThatOfTheLatestInterface) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1", "web");
    auto web2 = recording->interface("web.1#2", "web");
    auto db = recording->interface("db.1", "db");
    using Addresses = std::vector<Address>;
    recording->learn(web, 1);
    recording->learn(web2, 2);
    recording->learn(web, 3);
    recording->learn(db, 1);
    EXPECT_EQ(recording->addresses("web"), (Addresses{3, 2}));
    EXPECT_EQ(recording->addresses("db"), Addresses{1});
    EXPECT_EQ(recording->addresses("other"), Addresses{});
}

TEST(RecordingTest, OnlyTheLatestAddressesOfAnInterfaceAreRemembered) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1", "web");
    for (Address each = 1; each <= 65; ++each) recording->learn(web, each);
    auto known = recording->addresses("web");
    EXPECT_EQ(known.size(), 64u);
    EXPECT_EQ(known.front(), 2u);
}

TEST(RecordingTest, ReaderFromNowOnGetsLaterFramesOnly) {
    auto recording = counting_recording();
    auto web = recording->interface("web.1");
    recording->add(web, Batch({"before", "before"}));
    Cursor cursor(recording, Cursor::Begin::now);
    EXPECT_FALSE(cursor.next());
    recording->add(web, Batch({"after"}));
    EXPECT_EQ(rest_of(cursor), Texts{"after"});
    EXPECT_EQ(cursor.passed(web), 1u);
}

TEST(RecordingTest, ReaderThatStopsGetsNoLaterFrames) {
    auto recording = counting_recording({small_chunk, 4});
    auto web = recording->interface("web.1");
    recording->add(web, Batch({hundred('a'), hundred('b')}));
    Cursor cursor(recording, Cursor::Begin::oldest);
    cursor.stop_at_end();
    recording->add(web, Batch({"after", hundred('c')}));
    EXPECT_EQ(rest_of(cursor), (Texts{hundred('a'), hundred('b')}));
    EXPECT_EQ(rest_of(cursor), Texts{});
}

TEST(RecordingTest, RingKeepsTheLastFramesAndCountsTheOthers) {
    auto recording = counting_recording({small_chunk, 3});
    auto web = recording->interface("web.1");
    auto db = recording->interface("db.1");
    for (char letter : std::string("abcde")) recording->add(web, Batch({hundred(letter)}));
    recording->add(db, Batch({hundred('f')}));
    Cursor cursor(recording, Cursor::Begin::oldest);
    EXPECT_EQ(rest_of(cursor), (Texts{hundred('d'), hundred('e'), hundred('f')}));
    EXPECT_EQ(cursor.passed(web), 5u);
    EXPECT_EQ(cursor.lost(web), 3u);
    EXPECT_EQ(cursor.passed(db), 1u);
    EXPECT_EQ(cursor.lost(db), 0u);
}

TEST(RecordingTest, SlowReaderIsOvertakenAndItsLossesAreCounted) {
    auto recording = counting_recording({small_chunk, 3});
    auto web = recording->interface("web.1");
    recording->add(web, Batch({hundred('a')}));
    Cursor cursor(recording, Cursor::Begin::oldest);
    EXPECT_EQ(rest_of(cursor), Texts{hundred('a')});
    for (char letter : std::string("bcdefg")) recording->add(web, Batch({hundred(letter)}));
    EXPECT_EQ(rest_of(cursor), (Texts{hundred('e'), hundred('f'), hundred('g')}));
    EXPECT_EQ(cursor.passed(web), 7u);
    EXPECT_EQ(cursor.lost(web), 3u);
}

TEST(RecordingTest, ChunkThatIsReadIsNotOverwritten) {
    auto recording = counting_recording({small_chunk, 2});
    auto web = recording->interface("web.1");
    recording->add(web, Batch({hundred('a')}));
    Cursor cursor(recording, Cursor::Begin::oldest);
    auto record = cursor.next().value();
    for (char letter : std::string("bcdefg")) recording->add(web, Batch({hundred(letter)}));
    EXPECT_EQ(texts_of(record.frames), Texts{hundred('a')});
}

TEST(RecordingTest, ReaderThatIsOvertakenPastItsEndGetsNothingAndCountsIt) {
    auto recording = counting_recording({small_chunk, 2});
    auto web = recording->interface("web.1");
    recording->add(web, Batch({hundred('a')}));
    Cursor cursor(recording, Cursor::Begin::oldest);
    EXPECT_EQ(rest_of(cursor), Texts{hundred('a')});
    recording->add(web, Batch({hundred('b')}));
    cursor.stop_at_end();
    for (char letter : std::string("cdefg")) recording->add(web, Batch({hundred(letter)}));
    EXPECT_EQ(rest_of(cursor), Texts{});
    EXPECT_GE(cursor.lost(web), 1u);
}

TEST(RecordingTest, BatchIsSplitWhereAChunkIsFull) {
    auto recording = counting_recording({small_chunk, 4});
    auto web = recording->interface("web.1");
    Texts sent{hundred('a'), hundred('b'), std::string(20, 'c'), std::string(20, 'd')};
    recording->add(web, Batch(sent));
    Cursor cursor(recording, Cursor::Begin::oldest);
    EXPECT_EQ(rest_of(cursor), sent);
}

TEST(RecordingTest, FrameThatIsLongerThanAChunkIsCounted) {
    auto recording = counting_recording({small_chunk, 4});
    auto web = recording->interface("web.1");
    recording->add(web, Batch({"first", std::string(1000, 'x'), hundred('b'), hundred('c')}));
    Cursor cursor(recording, Cursor::Begin::oldest);
    EXPECT_EQ(rest_of(cursor), (Texts{"first", hundred('b'), hundred('c')}));
    EXPECT_EQ(cursor.passed(web), 4u);
    EXPECT_EQ(cursor.lost(web), 1u);
}

TEST(RecordingTest, LongFramesAtTheEndAreCounted) {
    auto recording = counting_recording({small_chunk, 4});
    auto web = recording->interface("web.1");
    recording->add(web, Batch({"first", std::string(1000, 'x'), std::string(1000, 'y')}));
    Cursor cursor(recording, Cursor::Begin::oldest);
    Cursor later(recording, Cursor::Begin::now);
    Cursor ended(recording, Cursor::Begin::oldest);
    ended.stop_at_end();
    recording->add(web, Batch({std::string(1000, 'z')}));
    EXPECT_EQ(rest_of(cursor), Texts{"first"});
    later.stop_at_end();
    EXPECT_EQ(rest_of(later), Texts{});
    EXPECT_EQ(later.passed(web), 1u);
    EXPECT_EQ(later.lost(web), 1u);
    EXPECT_EQ(rest_of(ended), Texts{"first"});
    EXPECT_EQ(ended.passed(web), 3u);
    EXPECT_EQ(ended.lost(web), 2u);
    recording->add(web, Batch({hundred('b'), hundred('c')}));
    EXPECT_EQ(rest_of(cursor), (Texts{hundred('b'), hundred('c')}));
    EXPECT_EQ(cursor.passed(web), 6u);
    EXPECT_EQ(cursor.lost(web), 3u);
}

TEST(RecordingTest, IsOnWhileThereIsAReader) {
    auto recording = counting_recording();
    EXPECT_FALSE(recording->is_on());
    {
        Cursor first(recording, Cursor::Begin::now);
        Cursor second(recording, Cursor::Begin::now);
        EXPECT_TRUE(recording->is_on());
    }
    EXPECT_FALSE(recording->is_on());
}

TEST(RecordingTest, StaysOnWhenItIsKept) {
    auto recording = counting_recording();
    recording->keep();
    recording->keep();
    { Cursor cursor(recording, Cursor::Begin::now); }
    EXPECT_TRUE(recording->is_on());
}

TEST(RecordingTest, TimesAreThoseOfTheSystem) {
    auto seconds = [] {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                              std::chrono::system_clock::now().time_since_epoch())
                                              .count());
    };
    auto before = seconds();
    Recording recording({});
    auto time = recording.now() / 1'000'000'000;
    EXPECT_GE(time, before);
    EXPECT_LE(time, seconds());
    EXPECT_LE(recording.begin(), recording.now());
}

TEST(RecordingTest, ReadersOnOtherThreadsGetEveryFrameOrCountIt) {
    constexpr std::uint64_t frames = 200'000;
    auto recording = std::make_shared<Recording>(Recording::Settings{4096, 8});
    auto web = recording->interface("web.1");
    std::atomic<bool> done = false;
    auto follow = [&] {
        Cursor cursor(recording, Cursor::Begin::oldest);
        std::uint64_t kept = 0;
        std::uint64_t last = 0;
        auto read_all = [&] {
            while (auto record = cursor.next())
                for (const auto& text : texts_of(record->frames)) {
                    auto number = std::stoull(text);
                    EXPECT_GT(number, last);
                    last = number;
                    ++kept;
                }
        };
        while (!done) read_all();
        cursor.stop_at_end();
        read_all();
        // With those that could not be added while a reader had the lock.
        EXPECT_EQ(cursor.passed(web), frames);
        EXPECT_EQ(kept + cursor.lost(web), cursor.passed(web));
    };
    std::thread one(follow);
    std::thread two(follow);
    for (std::uint64_t number = 1; number <= frames; ++number)
        recording->add(web, Batch({std::to_string(number)}));
    done = true;
    one.join();
    two.join();
}

}  // namespace
}  // namespace charioteer::vlan::capture
