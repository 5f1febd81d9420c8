#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace charioteer::machine {

/// The paths of the sockets between the driver and one QEMU.
struct Sockets {
    explicit Sockets(const std::filesystem::path& state)
        : monitor(state / "monitor"),
          qmp(state / "qmp"),
          shell(state / "shell"),
          agent(state / "agent") {}

    std::filesystem::path monitor;
    std::filesystem::path qmp;
    std::filesystem::path shell;
    std::filesystem::path agent;
};

/// The agent's port on the guest's virtio-serial bus: its name in the guest, and its id in QEMU.
constexpr std::string_view agent_port = "charioteer.agent";

/// The options of a start.
struct StartOptions {
    /// A shell command that replaces the machine's start command, unless empty.
    std::string command;
    /// Replaces driver_command(), unless empty; `environment` then already has the variables of
    /// launch_environment().
    std::string full_command;
    bool allow_reboot = false;             ///< without it, a guest that reboots ends QEMU
    bool graphical = false;                ///< QEMU opens a window
    bool agent = true;                     ///< give the guest a port for the agent
    std::filesystem::path saved_state;     ///< a file that QEMU will load before it runs, or empty
    std::vector<std::string> arguments;    ///< follow the driver's own
    std::vector<std::string> environment;  ///< NAME=value, of the caller
};

/// The NAME in `run-NAME-vm` at the end of `start_command`; "machine" when it has no such end.
std::string machine_name(std::string_view start_command);

/// The start command, a shell command, followed by the flags that every driver of NixOS tests adds:
/// QEMU uses the last of contradicting flags.
std::string driver_command(std::string_view start_command, const Sockets& sockets,
                           const StartOptions& options);

/// The command line for `sh -c`: driver_command(), or that of the options, followed by what only
/// this driver adds, the agent's port and `arguments`.
std::string launch_command(std::string_view start_command, const Sockets& sockets,
                           const StartOptions& options);

/// The caller's environment with the variables that start scripts read: TMPDIR, SHARED_DIR,
/// USE_TMPDIR and the place of the firmware's variables.
std::vector<std::string> launch_environment(std::vector<std::string> callers,
                                            std::string_view machine,
                                            const std::filesystem::path& state,
                                            const std::filesystem::path& shared);

/// The environment with the name of the machine, by which a VLAN knows whose plug it is.
std::vector<std::string> named_environment(std::vector<std::string> callers,
                                           std::string_view machine);

/// Throws io::UsageError when the start command is the path of a file that is missing or may not be
/// run.
void check_start_command(std::string_view start_command);

/// A note for the error of a QEMU that did not start, when the path of its state directory has
/// characters that are special to shells or in QEMU's options; empty when it has none.
std::string quoting_hint(const std::filesystem::path& state);

/// Whether the start script chooses its accelerator by `-accel`, which `-machine accel=`
/// cannot override.
bool uses_accel_option(std::string_view start_command);

}  // namespace charioteer::machine
