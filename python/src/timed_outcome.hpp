#pragma once

#include <chrono>

#include "command/command.hpp"

namespace charioteer::python {

/// The outcome of a command, and when its caller waited for it, by the clock of time.monotonic().
struct TimedOutcome {
    using TimePoint = std::chrono::steady_clock::time_point;

    command::Outcome outcome;
    TimePoint begun{};  ///< when the caller asked for the command
    TimePoint ended{};  ///< when the caller had its outcome
};

}  // namespace charioteer::python
