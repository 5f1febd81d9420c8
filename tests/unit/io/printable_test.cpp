#include "io/printable.hpp"

#include <gtest/gtest.h>

namespace charioteer::io {
namespace {

std::string plain(std::string_view text) {
    return printable(text, Colours::drop);
}

TEST(Printable, KeepsTextAsItIs) {
    EXPECT_EQ(plain("a\tb \xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x8e"),
              "a\tb \xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x8e");
}

TEST(Printable, RemovesSequencesThatControlTheTerminal) {
    EXPECT_EQ(plain("\x1b[2J\x1b[10Aup\x1b[?1049h\x1b"
                    "c"),
              "up");
    EXPECT_EQ(plain("\x1b]0;title\x07"
                    "after\x1b]0;title\x1b\\ it"),
              "after it");
    EXPECT_EQ(plain("\x1bP1;2q data\x1b\\end"), "end");
}

TEST(Printable, KeepsColoursOnRequest) {
    constexpr auto text = "\x1b[1;31mred\x1b[0m \x1b[2Kgone";
    EXPECT_EQ(printable(text, Colours::keep), "\x1b[1;31mred\x1b[0m gone");
    EXPECT_EQ(plain(text), "red gone");
    EXPECT_EQ(printable("\x1b[>1m", Colours::keep), "") << "not a colour, but a mode of keys";
}

TEST(Printable, RemovesATruncatedSequenceAtTheEnd) {
    for (const auto* text : {"cut \x1b[0;", "cut \x1b", "cut \x1b]0;title", "cut \x1b["})
        EXPECT_EQ(plain(text), "cut ") << text;
}

TEST(Printable, ContinuesAfterAnInvalidSequence) {
    EXPECT_EQ(plain("\x1b[12\x07x"), "\\x07x");
    EXPECT_EQ(plain("\x1b\x1b[2Jx"), "x");
    EXPECT_EQ(plain("\x1b]0;ti\x1b[2Jx"), "x");
}

TEST(Printable, ShowsOtherControlCharacters) {
    EXPECT_EQ(plain("a\x07\b\x7f\r"), "a\\x07\\x08\\x7f\\x0d");
    EXPECT_EQ(plain("\xc2\x9b"
                    "1A"),
              "\\x9b1A");
}

TEST(Printable, ReplacesInvalidUtf8) {
    const std::string mark = "\xef\xbf\xbd";
    EXPECT_EQ(plain("a\xff\x9b"), "a" + mark + mark);
    EXPECT_EQ(plain("\xe2\x82"), mark + mark);
    EXPECT_EQ(plain("\xc0\xaf"), mark + mark) << "a slash in two bytes";
    EXPECT_EQ(plain("\xed\xa0\x80"), mark + mark + mark) << "half a surrogate pair";
}

TEST(Decodable, DropsInvalidUtf8LikePython) {
    EXPECT_EQ(decodable("th\xffree"), "three");
    EXPECT_EQ(decodable("caf\xc3\xa9 \x1b[0m"), "caf\xc3\xa9 \x1b[0m");
    EXPECT_EQ(decodable("a\xe2\x82z\xe2\x82"), "az") << "characters that are cut off";
    EXPECT_EQ(decodable(""), "");
}

}  // namespace
}  // namespace charioteer::io
