#pragma once

#include <cstdint>

/// The messages between the driver and its guard processes over the guard's control socket,
/// descriptor 3 of the guard: datagrams of one Message, except to a cleaning guard (clean.hpp).
/// The end of the socket means that the driver has ended, for any reason.
namespace charioteer::process::guard {

inline constexpr int control_fd = 3;
/// The number of ProcessSpec::keep_open in the guard, which does not pass it on: the guard ends
/// after all processes that it has started.
inline constexpr int kept_fd = 4;
/// What ProcessSpec::passed is to the guard and to the command.
inline constexpr int passed_fd = 5;

enum class Kind : std::int32_t {
    started,      ///< from the guard: the command runs; value is its process id
    exec_failed,  ///< from the guard: it could not be run; value is errno
    exited,       ///< from the guard: it ended; value is the status as wait() gives it
    signal,       ///< to the guard: send signal `value` to the command's process group
};

struct Message {
    Kind kind;
    std::int32_t value;
};

}  // namespace charioteer::process::guard
