#include "machine/agent_program.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "io/error.hpp"
#include "io/own_directory.hpp"
#include "machine/start_script.hpp"

namespace charioteer::machine {

namespace {

std::filesystem::path agent_directory() {
    if (const char* given = std::getenv("CHARIOTEER_AGENT_DIRECTORY")) return given;
    return io::own_directory();
}

}  // namespace

std::string load_agent_program(const std::string& processor) {
    auto path = agent_directory() / fmt::format("charioteer-agent-{}", processor);
    std::ifstream file(path, std::ios::binary);
    std::string program{std::istreambuf_iterator<char>(file), {}};
    if (program.empty())
        throw io::Error(fmt::format("there is no agent for {} ({})", processor, path.string()));
    return program;
}

// Uses built-ins of the shell, chmod, cat, rm, and head or dd. Only one process can have the port
// open. The driver sends the program when the loop opens the port; bytes for an earlier agent may
// precede it, and are read up to the line with the nonce: the shell reads no further than that
// line, since the port is not a terminal. A folder may not allow execution: then a copy of the
// program is tried in the next one. (`true` and not `:`, because dash exits when a redirection of
// `:` fails.)
std::string agent_start_script(std::size_t size, std::uint64_t nonce, AgentPlaces places) {
    constexpr std::string_view script = R"(
for port in {ports}/*; do
read -r name <"$port/name" && [ "$name" = {name} ] && break; name=
done 2>/dev/null
device={devices}/${{port##*/}} first= status=
[ "$name" ] || {{ echo no-port; exit; }}
[ -{kind} "$device" ] || {{ echo no-device; exit; }}
if command -v head >/dev/null; then take="head -c {size}"
elif command -v dd >/dev/null; then take="dd bs=1 count={size}"
else echo no-reader; exit; fi
for folder in {folders}; do
file=$folder/.charioteer-agent
true >"$file" || continue
if [ "$first" ]; then cat "$first" >"$file"
else {{ while read -r line && [ "$line" != {nonce:x} ]; do :; done; $take; }} <"$device" >"$file"
fi && [ -s "$file" ] || {{ rm -f "$file"; break; }}
first=${{first:-$file}}
chmod 700 "$file" && "$file" 0 {nonce:x} detach <>"$device" >/dev/null
status=$?
[ "$status" = 126 ] || {{ rm -f "$file"; break; }}
[ "$file" = "$first" ] || rm -f "$file"
done
[ -z "$first" ] || rm -f "$first"
if [ -z "$status" ]; then echo no-folder
elif [ "$status" = 0 ]; then echo started
else echo "status-$status"; fi)";
    return "(" +
           fmt::format(fmt::runtime(script), fmt::arg("name", agent_port), fmt::arg("size", size),
                       fmt::arg("nonce", nonce), fmt::arg("ports", places.ports),
                       fmt::arg("devices", places.devices), fmt::arg("kind", places.kind),
                       fmt::arg("folders", places.folders)) +
           ")";
}

// Two newlines: in a UTF-8 locale bash takes a newline after an incomplete character for a part of
// that character.
std::string agent_upload(std::string_view program, std::uint64_t nonce) {
    return fmt::format("\n\n{:x}\n{}", nonce, program);
}

bool may_be_tried_again(std::string_view word) {
    return word == start_is_busy || (word.starts_with("status-") && word != "status-126");
}

std::string explain_start(std::string_view word) {
    if (word == "no-port")
        return fmt::format("it has no port {} below /sys/class/virtio-ports", agent_port);
    if (word == "no-device") return "it has no device for the agent's port in /dev";
    if (word == "no-reader") return "it has neither head nor dd";
    if (word == "no-folder") return "it has no folder to put the agent into, or its port is busy";
    if (word == "status-126") return "it runs no programs from /dev/shm, /run, /tmp or /";
    return fmt::format("the agent's program ended at once ({})", word);
}

}  // namespace charioteer::machine
