#pragma once

#include "screen/engine.hpp"

namespace charioteer::screen {

/// Creates a Tesseract engine with the English language data of the folder `data`; empty for
/// Tesseract's default. Any thread. Throws io::Error that names the missing package.
std::unique_ptr<Engine> make_engine(const std::string& data);

}  // namespace charioteer::screen
