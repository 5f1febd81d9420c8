#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace charioteer::systemd {

/// The full name of the unit that systemctl takes `word` for: "web" is "web.service", "/home" is
/// "home.mount", "/dev/vda" is "dev-vda.device". None when the word is a pattern or no unit's name
/// at all, which only systemctl has an answer to.
std::optional<std::string> unit_name(std::string_view word);

}  // namespace charioteer::systemd
