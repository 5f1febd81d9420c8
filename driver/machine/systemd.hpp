#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace charioteer::machine {

/// The shell command that runs `systemctl {query}`, by the service manager of `user` or, without
/// one, of the system.
std::string systemctl_command(std::string_view query, const std::optional<std::string>& user);

/// The value of `property` in the output of `systemctl show`; empty if it is missing.
std::string_view unit_property(std::string_view shown, std::string_view property);

}  // namespace charioteer::machine
