#include "machine/complaints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace charioteer::machine {
namespace {

using testing::ElementsAre;

TEST(Complaints, AreLines) {
    Complaints complaints;
    complaints.add("one\ntw");
    complaints.add("o\x1b[31m\x07\nthree");
    EXPECT_THAT(complaints.shown(), ElementsAre("one", "two\\x07"));
    complaints.finish();
    EXPECT_THAT(complaints.shown(), ElementsAre("one", "two\\x07", "three"));
    auto error = complaints.as_error();
    EXPECT_STREQ(error.what(), "three");
    EXPECT_THAT(error.notes(), ElementsAre("one", "two\\x07"));
}

TEST(Complaints, BeyondTenAreOnlyCounted) {
    Complaints complaints;
    for (int number = 1; number <= 30; ++number) complaints.add(std::to_string(number) + "\n");
    auto shown = complaints.shown();
    ASSERT_EQ(shown.size(), 11u);
    EXPECT_EQ(shown.front(), "21");
    EXPECT_EQ(shown[9], "30");
    EXPECT_EQ(shown.back(), "and 20 more like that");
    EXPECT_STREQ(complaints.as_error().what(), "30");
    EXPECT_EQ(complaints.as_error().notes().back(), "and 20 more like that");
}

TEST(Complaints, WithoutEndTakeLittleRoom) {
    Complaints complaints;
    std::string piece(64 * 1024, 'x');
    for (int count = 0; count < 1000; ++count) complaints.add(piece);
    complaints.finish();
    std::size_t size = 0;
    for (const auto& line : complaints.shown()) size += line.size();
    EXPECT_LT(size, 50'000u);
}

TEST(Complaints, NoneAreSaid) {
    Complaints complaints;
    complaints.finish();
    EXPECT_TRUE(complaints.empty());
    EXPECT_STREQ(complaints.as_error().what(), "it did not say why");
}

}  // namespace
}  // namespace charioteer::machine
