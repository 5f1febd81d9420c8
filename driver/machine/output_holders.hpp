#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "channel/multiplexer.hpp"

namespace charioteer::machine {

/// How long the standard output of a command whose shell has ended may stay open in silence
/// ($CHARIOTEER_OUTPUT_HOLDER_LIMIT, whole seconds); empty is 5 minutes. Throws io::UsageError.
std::chrono::seconds parse_holder_limit(std::string_view seconds);

/// The warning that names the processes which keep a command's answer from being complete. `limit`
/// is parse_holder_limit()'s.
std::string describe(const channel::HeldOutput& held, std::chrono::seconds limit);

}  // namespace charioteer::machine
