#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace charioteer::machine {

/// Where the sockets between the driver and one QEMU are.
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

/// The port of the guest's virtio-serial bus that leads to the agent: its name in the guest, and
/// its id in QEMU.
constexpr std::string_view agent_port = "charioteer.agent";

/// What decides how the start script is run.
struct StartOptions {
    /// A fragment of shell that is started instead of the machine's start command; empty: that one.
    std::string command;
    /// What driver_command() is for other callers, made by this one, whose environment then already
    /// has the variables of launch_environment(); empty: both are made here.
    std::string full_command;
    bool allow_reboot = false;             ///< without it, a guest that reboots ends QEMU
    bool graphical = false;                ///< leave QEMU its window
    bool agent = true;                     ///< give the guest a port for the agent
    std::vector<std::string> arguments;    ///< follow the driver's own
    std::vector<std::string> environment;  ///< NAME=value, of the caller
};

/// The NAME in `run-NAME-vm` at the end of `start_command`; "machine" when it has no such end.
std::string machine_name(std::string_view start_command);

/// The start command, a fragment of shell, and the flags that every driver of NixOS tests adds.
/// These come last and therefore win.
std::string driver_command(std::string_view start_command, const Sockets& sockets,
                           const StartOptions& options);

/// The command line for `sh -c`: driver_command(), or that of the options, and what is of this
/// driver alone, the agent's port and `arguments`.
std::string launch_command(std::string_view start_command, const Sockets& sockets,
                           const StartOptions& options);

/// The caller's environment with what start scripts read: TMPDIR, SHARED_DIR, USE_TMPDIR and the
/// place of the firmware's variables.
std::vector<std::string> launch_environment(std::vector<std::string> callers,
                                            std::string_view machine,
                                            const std::filesystem::path& state,
                                            const std::filesystem::path& shared);

/// Throws io::UsageError when the start command is the path of a file that is missing or may not be
/// run.
void check_start_command(std::string_view start_command);

/// What to add to the error of a QEMU that did not start when the path of its state directory has
/// characters that shells or QEMU's options take for their own; empty when it has none.
std::string quoting_hint(const std::filesystem::path& state);

/// Whether the start script chooses its accelerator by `-accel`, which QEMU does not let us
/// override with `-machine accel=`.
bool uses_accel_option(std::string_view start_command);

}  // namespace charioteer::machine
