#include "terminal/login.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace charioteer::terminal {

namespace {

constexpr std::size_t longest_kind = 64;

/// Uses only built-ins of the shell and env, which the smallest guests have too. env removes the
/// environment of the agent: NixOS's profile, for example, does nothing when a variable shows that
/// it was read before.
constexpr std::string_view script = R"(
home= shell=
while IFS=: read -r name _ _ _ _ home shell; do
    [ "$name" = root ] && break
    home= shell=
done 2>/dev/null </etc/passwd
case $shell in */nologin | */false) shell= ;; esac
[ -x "$shell" ] || shell=$(command -v bash) || shell=/bin/sh
cd "${{home:=/root}}" 2>/dev/null || cd /
exec env -i TERM={} HOME="$home" USER=root LOGNAME=root SHELL="$shell" \
    PATH="${{PATH:-/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin}}" "$shell" -l
)";

/// Whether `kind`, which an untrusted client has sent, can be part of a script.
bool is_name(std::string_view kind) {
    auto allowed = [](char character) {
        return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9') ||
               std::string_view("-+._").find(character) != std::string_view::npos;
    };
    return !kind.empty() && kind.size() <= longest_kind &&
           std::all_of(kind.begin(), kind.end(), allowed);
}

}  // namespace

command::Command login_command(const Opening& opening) {
    bool known = opening.size && is_name(opening.kind);
    return {.text = fmt::format(script, known ? opening.kind : "dumb"),
            .kind = command::Command::Kind::script,
            .stream_input = true,
            .terminal = opening.size};
}

}  // namespace charioteer::terminal
