#include "machine/start_script.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "io/error.hpp"
#include "io/machine_variable.hpp"
#include "shell/bash_words.hpp"

namespace charioteer::machine {

namespace {

/// Bytes of a start script that are read: scripts have some kilobytes, but the command may also be
/// the path of a program.
constexpr std::size_t longest_script = 256 * 1024;

/// Whether the start command is the path of a script and nothing else. If it has characters that
/// are special to a shell, it is a path only if there is such a file.
bool is_path(std::string_view command) {
    constexpr std::string_view special = " \t\n'\"\\$`;&|<>()*?[]{}~#!=";
    if (!command.starts_with('/')) return false;
    if (command.find_first_of(special) == std::string_view::npos) return true;
    std::error_code ignored;
    return std::filesystem::is_regular_file(command, ignored);
}

void set_variable(std::vector<std::string>& environment, std::string_view name,
                  std::string_view value) {
    auto prefix = fmt::format("{}=", name);
    std::erase_if(environment, [&](const auto& entry) { return entry.starts_with(prefix); });
    environment.push_back(prefix + std::string(value));
}

/// A path within a QEMU option: commas, which separate properties, are doubled.
std::string property(const std::filesystem::path& path) {
    std::string text;
    for (char character : path.native()) text.append(character == ',' ? 2 : 1, character);
    return text;
}

std::string with_words(std::string command, const std::vector<std::string>& words) {
    for (const auto& word : words) command += " " + shell::quote(word);
    return command;
}

}  // namespace

std::string machine_name(std::string_view start_command) {
    constexpr std::string_view prefix = "run-";
    constexpr std::string_view suffix = "-vm";
    auto begin = start_command.find(prefix);
    if (begin == std::string_view::npos || !start_command.ends_with(suffix)) return "machine";
    begin += prefix.size();
    auto end = start_command.size() - suffix.size();
    if (begin >= end) return "machine";
    return std::string(start_command.substr(begin, end - begin));
}

std::string driver_command(std::string_view start_command, const Sockets& sockets,
                           const StartOptions& options) {
    std::vector<std::string> words{
        "-qmp",     fmt::format("unix:{},server=on,wait=off", property(sockets.qmp)),
        "-monitor", fmt::format("unix:{}", property(sockets.monitor)),
        "-chardev", fmt::format("socket,id=shell,path={}", property(sockets.shell)),
        "-device",  "virtio-serial",
        "-device",  "virtconsole,chardev=shell",
        "-device",  "virtio-rng-pci",
        "-serial",  "stdio"};
    if (!options.allow_reboot) words.emplace_back("-no-reboot");
    if (!options.graphical) words.emplace_back("-nographic");
    auto command =
        is_path(start_command) ? shell::quote(start_command) : std::string(start_command);
    return with_words(std::move(command), words);
}

std::string launch_command(std::string_view start_command, const Sockets& sockets,
                           const StartOptions& options) {
    auto command = options.full_command.empty() ? driver_command(start_command, sockets, options)
                                                : options.full_command;
    std::vector<std::string> words;
    if (options.agent)
        words = {"-chardev", fmt::format("socket,id=agent,path={}", property(sockets.agent)),
                 "-device",
                 fmt::format("virtserialport,chardev=agent,name={0},id={0}", agent_port)};
    if (!options.saved_state.empty()) words.insert(words.end(), {"-S", "-incoming", "defer"});
    words.insert(words.end(), options.arguments.begin(), options.arguments.end());
    return with_words(std::move(command), words);
}

std::vector<std::string> launch_environment(std::vector<std::string> callers,
                                            std::string_view machine,
                                            const std::filesystem::path& state,
                                            const std::filesystem::path& shared) {
    set_variable(callers, "TMPDIR", state.native());
    set_variable(callers, "SHARED_DIR", shared.native());
    set_variable(callers, "USE_TMPDIR", "1");
    set_variable(callers, "NIX_EFI_VARS",
                 (state / fmt::format("{}-efi-vars.fd", machine)).native());
    return callers;
}

std::vector<std::string> named_environment(std::vector<std::string> callers,
                                           std::string_view machine) {
    set_variable(callers, io::machine_variable, machine);
    return callers;
}

void check_start_command(std::string_view start_command) {
    if (!is_path(start_command)) return;
    std::filesystem::path script(start_command);
    std::error_code ignored;
    if (!std::filesystem::exists(script, ignored))
        throw io::UsageError(fmt::format("the start script {} does not exist", start_command));
    if (::access(script.c_str(), X_OK) != 0 || std::filesystem::is_directory(script, ignored))
        throw io::UsageError(
            fmt::format("the start script {} cannot be executed; try chmod +x", start_command));
}

std::string quoting_hint(const std::filesystem::path& state) {
    constexpr std::string_view special = " \t\n,'\"\\$`;&|<>()*?[]{}~#!";
    auto place = state.native().find_first_of(special);
    if (place == std::string::npos) return {};
    return fmt::format(
        "the path {} has the character '{}', which not every start script passes to QEMU "
        "correctly (those of nixpkgs do not): if that is the reason, set XDG_RUNTIME_DIR (or "
        "TMPDIR) to "
        "another folder",
        state.native(), state.native()[place]);
}

bool uses_accel_option(std::string_view start_command) {
    if (start_command.find(" -accel") != std::string_view::npos) return true;
    if (!is_path(start_command)) return false;
    std::ifstream file{std::string(start_command)};
    std::string text(longest_script, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text.find(" -accel ") != std::string::npos;
}

}  // namespace charioteer::machine
