#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command/limit.hpp"

namespace charioteer::command {

struct TerminalSize {
    std::uint16_t rows = 24;
    std::uint16_t columns = 80;
};

/// What is to be run in a guest.
struct Command {
    enum class Kind {
        strict_script,  ///< a script for bash, which begins with `set -euo pipefail`
        script,         ///< a script for bash
        posix_script,   ///< a script for /bin/sh
        built_in,       ///< a program of the agent and its arguments, from built_in()
    };

    std::string text = {};
    Kind kind = Kind::strict_script;  ///< without an agent, only strict scripts can be run
    /// After it the guest ends the command; none or zero: there is no limit.
    std::optional<Limit> limit = std::nullopt;
    /// Its standard input, for Runner::run(); none: empty.
    std::optional<std::string> input = std::nullopt;
    /// Its standard input comes by channel::Call::write(), for channel::Channel::start().
    bool stream_input = false;
    /// Its standard streams are a new terminal of this size; for channel::Channel::start().
    std::optional<TerminalSize> terminal = std::nullopt;
    /// False: the status is not used, and a guest that goes down with the command is no error.
    bool want_status = true;
    /// False: run() returns when the command has started, and its output goes nowhere.
    bool want_output = true;
    /// False: only the last 8 to 16 KiB of its standard error are kept.
    bool all_errors = false;
    /// The lines of its standard output are logged as they come.
    bool log_output = false;
};

/// A program of the agent, whose name is the first word, and its arguments.
Command built_in(const std::vector<std::string>& words);

/// How a command ended, and its output as far as it was collected.
struct Outcome {
    /// 124 when its limit passed, 128 + n after signal n; of run(), no_status or not_awaited.
    int status = 0;
    int signal = 0;  ///< that ended it, or 0
    std::string output;
    std::string errors;       ///< empty without an agent: they go to the console then
    io::Duration duration{};  ///< in the guest, or of the whole call without an agent
    bool timed_out = false;   ///< its limit ended it
};

/// The status of a command without want_status (driver contract, section 3.1).
inline constexpr int no_status = -1;
/// The status of a command without want_output.
inline constexpr int not_awaited = -2;

}  // namespace charioteer::command
