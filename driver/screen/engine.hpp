#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "screen/picture.hpp"

namespace charioteer::screen {

/// How a picture is prepared for text recognition: unchanged (raw); or enlarged and converted to
/// black letters on white, for dark letters (positive) or light letters (negative).
enum class Variant { raw, positive, negative };

/// In the order of the driver contract, section 3.8.
inline constexpr std::array variants{Variant::raw, Variant::positive, Variant::negative};

/// Recognises text. Used by one thread at a time, but not always by the same.
class Engine {
public:
    virtual ~Engine() = default;

    /// The text on the picture in UTF-8. Calls `cancelled` regularly; when that returns true, it
    /// returns soon, with an arbitrary text. Throws io::Error.
    virtual std::string read(const Picture& picture, Variant variant,
                             const std::function<bool()>& cancelled) = 0;
};

/// Creates an engine, on any thread. Throws io::Error that names the missing package.
using EngineFactory = std::function<std::unique_ptr<Engine>()>;

}  // namespace charioteer::screen
