#pragma once

namespace charioteer::process::guard {

/// Runs `command` (its path and arguments, terminated by a null pointer) in a process group of its
/// own with standard streams 0 to 2, reports over the control socket, and returns when all
/// processes that it has started have ended. If the driver ends first, they are killed.
int run(char** command);

}  // namespace charioteer::process::guard
