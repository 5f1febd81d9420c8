#pragma once

#include <string_view>

namespace charioteer::io {

/// The environment variable with the name of a machine, of its start script and all processes that
/// this starts. By it a VLAN finds out which machine has connected.
inline constexpr std::string_view machine_variable = "CHARIOTEER_MACHINE";

}  // namespace charioteer::io
