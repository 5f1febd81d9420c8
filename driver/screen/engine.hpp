#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "screen/picture.hpp"

namespace charioteer::screen {

/// How a picture is made ready to be read: as it is; or enlarged to black on white, what is dark
/// (positive) or light (negative) on it being the letters.
enum class Variant { raw, positive, negative };

/// In the order of the driver contract, section 3.8.
inline constexpr std::array variants{Variant::raw, Variant::positive, Variant::negative};

/// Reads text. Used by one thread at a time, not always the same.
class Engine {
public:
    virtual ~Engine() = default;

    /// The text on the picture in UTF-8. Calls `cancelled` now and then; once that returns true, it
    /// returns soon, with any text. Throws io::Error.
    virtual std::string read(const Picture& picture, Variant variant,
                             const std::function<bool()>& cancelled) = 0;
};

/// Makes an engine, on any thread. Throws io::Error saying what is not installed.
using EngineFactory = std::function<std::unique_ptr<Engine>()>;

}  // namespace charioteer::screen
