#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace charioteer::systemd {

/// The full name of the unit to which systemctl completes `word`: "web" is "web.service", "/home"
/// is "home.mount", "/dev/vda" is "dev-vda.device". None for patterns and invalid names, which are
/// left to systemctl.
std::optional<std::string> unit_name(std::string_view word);

}  // namespace charioteer::systemd
