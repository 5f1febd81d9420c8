#pragma once

#include <string>

namespace charioteer::process {

/// How a process ended.
struct ExitStatus {
    int code = 0;    ///< exit status, unless a signal ended it
    int signal = 0;  ///< the signal that ended it, or 0

    /// From a status of waitpid().
    static ExitStatus from_wait(int status) noexcept;

    /// Like Python's subprocess: the exit status, or minus the signal.
    int returncode() const noexcept { return signal != 0 ? -signal : code; }
    /// "ended with status 1", "was ended by signal 9 (Killed)".
    std::string describe() const;
};

}  // namespace charioteer::process
