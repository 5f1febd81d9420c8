#include "machine/error_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace charioteer::machine {
namespace {

using testing::ElementsAre;

TEST(ErrorLines, AreLines) {
    ErrorLines errors;
    errors.add("one\ntw");
    errors.add("o\x1b[31m\x07\nthree");
    EXPECT_THAT(errors.shown(), ElementsAre("one", "two\\x07"));
    errors.finish();
    EXPECT_THAT(errors.shown(), ElementsAre("one", "two\\x07", "three"));
    auto error = errors.as_error();
    EXPECT_STREQ(error.what(), "three");
    EXPECT_THAT(error.notes(), ElementsAre("one", "two\\x07"));
}

TEST(ErrorLines, MoreThanTenAreOnlyCounted) {
    ErrorLines errors;
    for (int number = 1; number <= 30; ++number) errors.add(std::to_string(number) + "\n");
    auto shown = errors.shown();
    ASSERT_EQ(shown.size(), 11u);
    EXPECT_EQ(shown.front(), "21");
    EXPECT_EQ(shown[9], "30");
    EXPECT_EQ(shown.back(), "and 20 more like that");
    EXPECT_STREQ(errors.as_error().what(), "30");
    EXPECT_EQ(errors.as_error().notes().back(), "and 20 more like that");
}

TEST(ErrorLines, EndlessOnesUseBoundedMemory) {
    ErrorLines errors;
    std::string piece(64 * 1024, 'x');
    for (int count = 0; count < 1000; ++count) errors.add(piece);
    errors.finish();
    std::size_t size = 0;
    for (const auto& line : errors.shown()) size += line.size();
    EXPECT_LT(size, 50'000u);
}

TEST(ErrorLines, NoLinesAreNotReported) {
    ErrorLines errors;
    errors.finish();
    EXPECT_TRUE(errors.empty());
    EXPECT_STREQ(errors.as_error().what(), "it gave no reason");
}

}  // namespace
}  // namespace charioteer::machine
