#pragma once

#include "screen/engine.hpp"

namespace charioteer::screen {

/// Loads the library with Tesseract at the first call, and creates an engine. `data` is the folder
/// of the language data; empty for Tesseract's default. Any thread. Throws io::Error that names the
/// missing package.
std::unique_ptr<Engine> make_tesseract(const std::string& data);

/// The function that the library exports under the name `tesseract_entry`.
using TesseractEntry = Engine* (*)(const char* data);
constexpr auto tesseract_entry = "charioteer_make_tesseract";

}  // namespace charioteer::screen
