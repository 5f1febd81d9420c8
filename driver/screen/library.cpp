#include "screen/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include "io/error.hpp"
#include "io/own_directory.hpp"

namespace charioteer::screen {

namespace {

TesseractEntry load() {
    auto file = io::own_directory() / "charioteer-tesseract.so";
    // Never closed: engines and what Tesseract does at exit are in it.
    auto* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* entry = library ? ::dlsym(library, tesseract_entry) : nullptr;
    if (entry == nullptr) {
        const char* reason = ::dlerror();
        throw io::Error(
            fmt::format("OCR requested but `tesseract` is not available: {}; install libtesseract5",
                        reason ? reason : "no reason given"));
    }
    return reinterpret_cast<TesseractEntry>(entry);
}

}  // namespace

std::unique_ptr<Engine> make_tesseract(const std::string& data) {
    static const TesseractEntry entry = load();
    return std::unique_ptr<Engine>(entry(data.c_str()));
}

}  // namespace charioteer::screen
