// The one door of the library that is loaded when it is needed: screen/library.hpp.

#include "screen/library.hpp"

#include "screen/tesseract/engine.hpp"

namespace charioteer::screen {

extern "C" Engine* charioteer_make_tesseract(const char* data) {
    return make_engine(data).release();
}

}  // namespace charioteer::screen
