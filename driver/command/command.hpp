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

/// A command for a guest.
struct Command {
    enum class Kind {
        strict_script,  ///< a script for bash, which begins with `set -euo pipefail`
        script,         ///< a script for bash
        posix_script,   ///< a script for /bin/sh
        built_in,       ///< a program of the agent and its arguments, from built_in()
    };

    std::string text = {};
    Kind kind = Kind::strict_script;  ///< without an agent, only strict scripts can be run
    /// The guest ends the command after this time; none or zero is no limit.
    std::optional<Limit> limit = std::nullopt;
    /// Its standard input, for Runner::run(); none is an empty one.
    std::optional<std::string> input = std::nullopt;
    /// Its standard input is sent by channel::Call::write(); for channel::Channel::start().
    bool stream_input = false;
    /// Its standard streams are a new terminal of this size; for channel::Channel::start().
    std::optional<TerminalSize> terminal = std::nullopt;
    /// False: the status is not used, and the end of the guest during the command is not an error.
    bool want_status = true;
    /// False: run() returns when the command has started, and its output is discarded.
    bool want_output = true;
    /// False: only the last 8 to 16 KiB of its standard error are kept.
    bool all_errors = false;
    /// The lines of its standard output are logged as soon as they are received.
    bool log_output = false;
    /// The beginning of a posix_script, which is not named in errors and warnings.
    std::string prefix = {};
};

/// A program of the agent, whose name is the first word, and its arguments.
Command built_in(const std::vector<std::string>& words);

/// How a command ended, and its collected output.
struct Outcome {
    /// 124 when its limit passed, 128 + n after signal n; run() may return no_status or
    /// not_awaited.
    int status = 0;
    int signal = 0;  ///< the signal that ended it, or 0
    std::string output;
    std::string errors;       ///< empty without an agent, since they are written to the console
    io::Duration duration{};  ///< in the guest; without an agent that of the whole call
    bool timed_out = false;   ///< its limit has ended it
};

/// The status of a command without want_status (driver contract, section 3.1).
inline constexpr int no_status = -1;
/// The status of a command without want_output.
inline constexpr int not_awaited = -2;

}  // namespace charioteer::command
