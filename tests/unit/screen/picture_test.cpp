#include "screen/picture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/error.hpp"

namespace charioteer::screen {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view file) {
    try {
        parse_ppm(file);
    } catch (const io::Error& error) {
        return error.what();
    }
    return "none";
}

TEST(ParsePpm, ReturnsSizeAndPixels) {
    auto picture = parse_ppm("P6\n2 1\n255\nabcdef");
    EXPECT_EQ(picture.width, 2U);
    EXPECT_EQ(picture.height, 1U);
    EXPECT_EQ(picture.pixels, "abcdef");
}

TEST(ParsePpm, AcceptsAFirstPixelThatLooksLikeWhiteSpace) {
    EXPECT_EQ(parse_ppm("P6 1 1 255 \n\n ").pixels, "\n\n ");
}

TEST(ParsePpm, RejectsTruncatedFiles) {
    std::string_view whole = "P6\n2 1\n255\nabcdef";
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_THAT(error_of(whole.substr(0, length)), HasSubstr("not a PPM file")) << length;
}

TEST(ParsePpm, RejectsOtherFormatsAndSizes) {
    EXPECT_THAT(error_of("\x89PNG"), HasSubstr("does not begin with P6"));
    EXPECT_THAT(error_of("P6 0 1 255 "), HasSubstr("its size is 0 x 1"));
    EXPECT_THAT(error_of("P6 99999999 99999999 255 "), HasSubstr("its size is 99999999"));
    EXPECT_THAT(error_of("P6 1 1 65535 abcdef"), HasSubstr("value is 65535, not 255"));
    EXPECT_THAT(error_of("P6 -1 1 255 abc"), HasSubstr("no number"));
}

}  // namespace
}  // namespace charioteer::screen
