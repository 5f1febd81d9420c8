// Recognition of text that Leptonica has drawn with its built-in font.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "io/error.hpp"
#include "screen/tesseract/engine.hpp"
#include "screen/tesseract/variant.hpp"

namespace charioteer::screen {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A pixel of Leptonica, 0xRRGGBB00.
using Colour = l_uint32;

constexpr auto white = 0xffffff00U;
constexpr auto black = 0x00000000U;

Picture draw(const char* text, Colour letters, Colour ground) {
    OwnedPix pix(pixCreate(640, 120, 32));
    pixSetAllArbitrary(pix.get(), ground);
    auto* font = bmfCreate(nullptr, 8);
    int width = 0;
    int overflow = 0;
    pixSetTextline(pix.get(), font, text, letters, 40, 70, &width, &overflow);
    bmfDestroy(&font);
    Picture picture{640, 120, {}};
    for (int y = 0; y < 120; ++y) {
        for (int x = 0; x < 640; ++x) {
            int red = 0;
            int green = 0;
            int blue = 0;
            pixGetRGBPixel(pix.get(), x, y, &red, &green, &blue);
            for (auto value : {red, green, blue})
                picture.pixels.push_back(static_cast<char>(value));
        }
    }
    return picture;
}

std::string read(Engine& engine, const Picture& picture, Variant variant) {
    return engine.read(picture, variant, [] { return false; });
}

/// The share of black pixels in a prepared picture.
double blackness(const Picture& picture, Variant variant) {
    auto pix = prepare(picture, variant);
    float average = 0;
    pixGetAverageMasked(pix.get(), nullptr, 0, 0, 1, L_MEAN_ABSVAL, &average);
    return 1 - average / 255;
}

TEST(Variant, EnlargesTo300Dpi) {
    auto pix = prepare(draw("Hello", black, white), Variant::positive);
    EXPECT_NEAR(pixGetWidth(pix.get()), 640 * 300 / 72.0, 1);
    EXPECT_NEAR(pixGetHeight(pix.get()), 120 * 300 / 72.0, 1);
    EXPECT_EQ(pixGetXRes(pix.get()), 300);
    EXPECT_EQ(pixGetDepth(pix.get()), 8);
}

TEST(Variant, PositiveMakesDarkLettersBlackAndNegativeLightOnes) {
    auto dark = draw("Hello", 0x30303000U, 0xb0b0ff00U);
    auto light = draw("Hello", 0xb0b0ff00U, 0x30303000U);
    for (const auto& [picture, variant] :
         {std::pair(dark, Variant::positive), std::pair(light, Variant::negative)}) {
        EXPECT_GT(blackness(picture, variant), 0.005);
        EXPECT_LT(blackness(picture, variant), 0.1);
    }
}

TEST(Variant, AnEmptyScreenStaysEmpty) {
    EXPECT_EQ(blackness(draw("", white, white), Variant::positive), 0);
    EXPECT_EQ(blackness(draw("", black, black), Variant::negative), 0);
}

TEST(Tesseract, ReadsDarkAndLightLetters) {
    auto engine = make_engine("");
    auto dark = draw("Reached target Login", black, white);
    EXPECT_EQ(read(*engine, dark, Variant::raw), "Reached target Login\n");
    EXPECT_EQ(read(*engine, dark, Variant::positive), "Reached target Login\n");
    auto light = draw("Reached target Login", 0x40a0ff00U, 0x20202000U);
    EXPECT_EQ(read(*engine, light, Variant::negative), "Reached target Login\n");
}

TEST(Tesseract, ReadsNothingWhereNothingIs) {
    auto engine = make_engine("");
    EXPECT_EQ(read(*engine, draw("", white, black), Variant::raw), "");
}

TEST(Tesseract, EndsWhenItIsCancelled) {
    auto engine = make_engine("");
    auto picture = draw("one two three four five six", black, white);
    int checks = 0;
    auto text = engine->read(picture, Variant::raw, [&checks] { return ++checks > 2; });
    EXPECT_EQ(text, "");
    EXPECT_GT(checks, 2);
    // The engine can read the next picture.
    EXPECT_THAT(read(*engine, picture, Variant::raw), HasSubstr("three four"));
}

TEST(Tesseract, NamesThePackageWithTheLanguageDataThatIsMissing) {
    try {
        make_engine("/does/not/exist");
        FAIL() << "an engine without language data";
    } catch (const io::Error& error) {
        EXPECT_THAT(error.what(), StartsWith("OCR requested but `tesseract` is not available"));
        EXPECT_THAT(error.what(), HasSubstr("/does/not/exist"));
        EXPECT_THAT(error.what(), HasSubstr("install tesseract-ocr-eng"));
        EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    }
}

}  // namespace
}  // namespace charioteer::screen
