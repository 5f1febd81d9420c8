// The only exported function of this library, which screen/library.cpp loads when it is needed.

#include "screen/library.hpp"

#include "screen/tesseract/engine.hpp"

namespace charioteer::screen {

extern "C" Engine* charioteer_make_tesseract(const char* data) {
    return make_engine(data).release();
}

}  // namespace charioteer::screen
