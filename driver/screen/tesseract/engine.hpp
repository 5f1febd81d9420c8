#pragma once

#include "screen/engine.hpp"

namespace charioteer::screen {

/// Tesseract with English language data from the folder `data`; empty: from where Tesseract was
/// built to look. Any thread. Throws io::Error naming what is not installed.
std::unique_ptr<Engine> make_engine(const std::string& data);

}  // namespace charioteer::screen
