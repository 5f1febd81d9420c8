#include "systemd/unit_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace charioteer::systemd {

namespace {

constexpr std::size_t longest_name = 255;
constexpr std::array<std::string_view, 11> types{"service", "socket",    "target", "device",
                                                 "mount",   "automount", "swap",   "timer",
                                                 "path",    "slice",     "scope"};

bool is_plain(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == ':' || character == '_' ||
           character == '.';
}

bool may_be_in_a_name(char character) {
    return is_plain(character) || character == '-' || character == '\\' || character == '@';
}

bool has_a_type(std::string_view name) {
    auto dot = name.rfind('.');
    return dot != std::string_view::npos &&
           std::find(types.begin(), types.end(), name.substr(dot + 1)) != types.end();
}

bool is_valid(std::string_view name) {
    return !name.empty() && name.size() <= longest_name && name.front() != '@' &&
           std::all_of(name.begin(), name.end(), may_be_in_a_name);
}

/// Escapes a path like `systemd-escape --path`; none if the path cannot be escaped.
std::optional<std::string> escaped(std::string_view path) {
    std::string name;
    while (!path.empty()) {
        auto component = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), component.size() + 1));
        if (component.empty() || component == ".") continue;
        if (component == "..") return std::nullopt;
        if (!name.empty()) name += '-';
        for (char character : component) {
            if (is_plain(character) && !(character == '.' && name.empty()))
                name += character;
            else
                name += fmt::format("\\x{:02x}", static_cast<unsigned char>(character));
        }
    }
    if (name.empty()) return "-";
    return name;
}

bool starts_with(std::string_view text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

}  // namespace

std::optional<std::string> unit_name(std::string_view word) {
    if (word.empty()) return std::nullopt;
    std::string name(word);
    if (word.front() == '/') {
        if (word.find_first_of("*?[") != std::string_view::npos) return std::nullopt;
        auto stem = escaped(word);
        if (!stem) return std::nullopt;
        bool device = starts_with(word, "/dev/") || starts_with(word, "/sys/");
        name = *stem + (device ? ".device" : ".mount");
    } else if (!has_a_type(name)) {
        name += ".service";
    }
    if (!is_valid(name)) return std::nullopt;
    return name;
}

}  // namespace charioteer::systemd
