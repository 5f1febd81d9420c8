#include "screen/tesseract/variant.hpp"

#include <array>
#include <cstddef>
#include <new>

// Equivalent to the ImageMagick pipeline in section 3.8 of the driver contract: posterizing to
// three levels and a gamma of 100 make the darkest quarter black and everything else white, which
// is a threshold. The steps before stretch the range of the brightness.

namespace charioteer::screen {

namespace {

/// Screens are assumed to have 72 dpi; Tesseract expects 300 dpi.
constexpr float enlargement = 300.0F / 72.0F;
constexpr int resolution = 300;
/// A quarter of the range before ImageMagick's -contrast is 74. The value is greater, because
/// ImageMagick's enlargement filter and -sharpen make letters slightly bolder than Leptonica does.
constexpr int threshold = 82;
/// The share of the pixels that may be darker than black, or lighter than white, after stretching.
constexpr double clipped_dark = 0.0015;
constexpr double clipped_light = 0.0005;

struct NumaDestroyer {
    void operator()(Numa* numbers) const noexcept { numaDestroy(&numbers); }
};

OwnedPix expect(Pix* pix) {
    if (pix == nullptr) throw std::bad_alloc();
    return OwnedPix(pix);
}

OwnedPix to_pix(const Picture& picture) {
    auto pix =
        expect(pixCreate(static_cast<int>(picture.width), static_cast<int>(picture.height), 32));
    auto* row = pixGetData(pix.get());
    const auto* from = reinterpret_cast<const unsigned char*>(picture.pixels.data());
    for (std::size_t y = 0; y < picture.height; ++y, row += pixGetWpl(pix.get())) {
        for (std::size_t x = 0; x < picture.width; ++x, from += 3)
            composeRGBPixel(from[0], from[1], from[2], row + x);
    }
    return pix;
}

std::array<double, 256> histogram(Pix* gray) {
    std::array<double, 256> count{};
    for (int y = 0; y < pixGetHeight(gray); ++y) {
        auto* row = pixGetData(gray) + static_cast<std::ptrdiff_t>(y) * pixGetWpl(gray);
        for (int x = 0; x < pixGetWidth(gray); ++x) ++count[GET_DATA_BYTE(row, x)];
    }
    return count;
}

/// Stretches the brightness of a picture to the whole range. Values outside of the clipped range
/// become black or white, also if almost all pixels have one brightness: a few letters on an empty
/// screen.
void stretch(Pix* gray) {
    auto count = histogram(gray);
    auto pixels = static_cast<double>(pixGetWidth(gray)) * pixGetHeight(gray);
    std::size_t black = 0;
    for (double seen = count[0]; seen <= clipped_dark * pixels;) seen += count[++black];
    std::size_t white = 255;
    for (double seen = count[255]; seen <= clipped_light * pixels;) seen += count[--white];
    std::unique_ptr<Numa, NumaDestroyer> map(numaCreate(256));
    for (std::size_t level = 0; level < count.size(); ++level) {
        auto stretched = static_cast<l_float32>(level);
        if (level < black)
            stretched = 0;
        else if (level > white)
            stretched = 255;
        else if (black < white)
            stretched = 255.0F * static_cast<l_float32>(level - black) /
                        static_cast<l_float32>(white - black);
        numaAddNumber(map.get(), stretched);
    }
    pixTRCMap(gray, nullptr, map.get());
}

}  // namespace

OwnedPix prepare(const Picture& picture, Variant variant) {
    auto colours = to_pix(picture);
    if (variant == Variant::raw) return colours;
    auto gray = expect(pixConvertRGBToGray(colours.get(), 0.2126F, 0.7152F, 0.0722F));
    stretch(gray.get());
    if (variant == Variant::negative) pixInvert(gray.get(), gray.get());
    auto large = expect(pixScaleGrayLI(gray.get(), enlargement, enlargement));
    auto letters = expect(pixThresholdToBinary(large.get(), threshold));
    auto sharp = expect(pixConvert1To8(nullptr, letters.get(), 255, 0));
    auto smooth = expect(pixBlockconvGray(sharp.get(), nullptr, 1, 1));
    pixSetResolution(smooth.get(), resolution, resolution);
    return smooth;
}

}  // namespace charioteer::screen
