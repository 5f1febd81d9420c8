#pragma once

#include <allheaders.h>

#include <memory>

#include "screen/engine.hpp"

namespace charioteer::screen {

struct PixDestroyer {
    void operator()(Pix* pix) const noexcept { pixDestroy(&pix); }
};
using OwnedPix = std::unique_ptr<Pix, PixDestroyer>;

/// Converts the picture for Leptonica and prepares it for reading. Any thread. Throws
/// std::bad_alloc.
OwnedPix prepare(const Picture& picture, Variant variant);

}  // namespace charioteer::screen
