#include "machine/systemd.hpp"

#include <fmt/format.h>

namespace charioteer::machine {

std::string systemctl_command(std::string_view query, const std::optional<std::string>& user) {
    if (!user) return fmt::format("systemctl {}", query);
    std::string escaped;
    for (char character : query) {
        if (character == '\'') escaped += '\\';
        escaped += character;
    }
    return fmt::format(
        "su -l {} --shell /bin/sh -c $'XDG_RUNTIME_DIR=/run/user/`id -u` systemctl --user {}'",
        *user, escaped);
}

std::string_view unit_property(std::string_view shown, std::string_view property) {
    while (!shown.empty()) {
        auto end = shown.find('\n');
        auto line = shown.substr(0, end);
        auto equals = line.find('=');
        if (equals != std::string_view::npos && line.substr(0, equals) == property)
            return line.substr(equals + 1);
        shown.remove_prefix(end == std::string_view::npos ? shown.size() : end + 1);
    }
    return {};
}

}  // namespace charioteer::machine
