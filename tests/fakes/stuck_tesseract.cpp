// Replaces charioteer-tesseract.so: an engine whose read() never returns.

#include <unistd.h>

#include "screen/library.hpp"

namespace charioteer::screen {

namespace {

class StuckEngine : public Engine {
public:
    [[noreturn]] std::string read(const Picture&, Variant, const std::function<bool()>&) override {
        constexpr std::string_view text = "reading\n";
        static_cast<void>(!::write(STDOUT_FILENO, text.data(), text.size()));
        for (;;) ::pause();
    }
};

}  // namespace

extern "C" Engine* charioteer_make_tesseract(const char*) {
    return new StuckEngine;
}

}  // namespace charioteer::screen
