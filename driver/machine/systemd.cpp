#include "machine/systemd.hpp"

#include <fmt/format.h>

namespace charioteer::machine {

namespace {

/// Calls `visit(name, value)` for each line `name=value`.
template <class Visitor>
void for_each_property(std::string_view shown, Visitor visit) {
    while (!shown.empty()) {
        auto end = shown.find('\n');
        auto line = shown.substr(0, end);
        if (auto equals = line.find('='); equals != std::string_view::npos && equals > 0)
            visit(line.substr(0, equals), line.substr(equals + 1));
        shown.remove_prefix(end == std::string_view::npos ? shown.size() : end + 1);
    }
}

}  // namespace

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
    std::string_view found;
    for_each_property(shown, [&](std::string_view name, std::string_view value) {
        if (name == property) found = value;
    });
    return found;
}

std::map<std::string, std::string> unit_properties(std::string_view shown) {
    std::map<std::string, std::string> all;
    for_each_property(shown, [&](std::string_view name, std::string_view value) {
        all.insert_or_assign(std::string(name), std::string(value));
    });
    return all;
}

}  // namespace charioteer::machine
