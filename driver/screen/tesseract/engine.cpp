#include "screen/tesseract/engine.hpp"

#include <fmt/format.h>
#include <tesseract/baseapi.h>
#include <tesseract/ocrclass.h>

#include "io/error.hpp"
#include "screen/tesseract/variant.hpp"

// A function of OpenMP; weak, because Tesseract may be built without it.
extern "C" [[gnu::weak]] void omp_set_max_active_levels(int levels);

namespace charioteer::screen {

namespace {

constexpr auto language = "eng";

class TesseractEngine : public Engine {
public:
    explicit TesseractEngine(const std::string& data) {
        // Otherwise Tesseract writes to the driver's standard error.
        api_.SetVariable("debug_file", "/dev/null");
        const char* folder = data.empty() ? nullptr : data.c_str();
        // Uses both recognition methods if the language data supports both; Debian's does not.
        for (auto mode : {tesseract::OEM_TESSERACT_LSTM_COMBINED, tesseract::OEM_LSTM_ONLY}) {
            if (api_.Init(folder, language, mode) == 0) {
                api_.SetPageSegMode(tesseract::PSM_SPARSE_TEXT);
                return;
            }
        }
        throw io::Error(fmt::format(
            "OCR requested but `tesseract` is not available: there is no language data '{}' in {}; "
            "install tesseract-ocr-eng, or set TESSDATA_PREFIX to the folder of eng.traineddata",
            language, api_.GetDatapath()));
    }

    std::string read(const Picture& picture, Variant variant,
                     const std::function<bool()>& cancelled) override {
        // By default Tesseract uses four threads, which wait for each other on a busy host:
        // recognition then takes two to four times as long.
        if (omp_set_max_active_levels != nullptr) omp_set_max_active_levels(0);
        auto pix = prepare(picture, variant);
        if (cancelled()) return {};
        api_.SetImage(pix.get());
        tesseract::ETEXT_DESC monitor;
        monitor.cancel = [](void* is_cancelled, int /*words*/) {
            return (*static_cast<const std::function<bool()>*>(is_cancelled))();
        };
        monitor.cancel_this = const_cast<std::function<bool()>*>(&cancelled);
        auto failed = api_.Recognize(&monitor) != 0;
        std::unique_ptr<char[]> text(failed ? nullptr : api_.GetUTF8Text());
        // Also frees the picture, which is large.
        api_.Clear();
        if (cancelled()) return {};
        if (!text) throw io::Error("OCR failed: tesseract could not read the picture");
        return text.get();
    }

private:
    tesseract::TessBaseAPI api_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(const std::string& data) {
    return std::make_unique<TesseractEngine>(data);
}

}  // namespace charioteer::screen
