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

    /// The text on the picture in UTF-8. Asks `called_off` now and then; once that is true it ends
    /// soon, with anything. Throws io::Error.
    virtual std::string read(const Picture& picture, Variant variant,
                             const std::function<bool()>& called_off) = 0;
};

/// Makes an engine, on any thread. Throws io::Error saying what is not installed.
using EngineFactory = std::function<std::unique_ptr<Engine>()>;

}  // namespace charioteer::screen
