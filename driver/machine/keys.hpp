#pragma once

#include <string>
#include <string_view>

namespace charioteer::machine {

/// The name in QEMU's `sendkey` of the key, or chord, that types `character` on a US keyboard.
/// Anything else ("ctrl-alt-f2", "kp_enter") is returned unchanged.
std::string key_name(std::string_view character);

}  // namespace charioteer::machine
