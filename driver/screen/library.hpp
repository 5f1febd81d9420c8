#pragma once

#include "screen/engine.hpp"

namespace charioteer::screen {

/// Loads the library with Tesseract, once, and makes an engine from it. `data` is the folder of the
/// language data; empty for Tesseract's own. Any thread. Throws io::Error saying what is not
/// installed.
std::unique_ptr<Engine> make_tesseract(const std::string& data);

/// What that library exports, under the name `tesseract_entry`.
using TesseractEntry = Engine* (*)(const char* data);
constexpr auto tesseract_entry = "charioteer_make_tesseract";

}  // namespace charioteer::screen
