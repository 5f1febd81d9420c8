#pragma once

namespace charioteer::process::guard {

/// Runs `command` (its path and arguments, ended by a null pointer) in a process group of its own
/// with standard streams 0 to 2, reports over the control socket, and returns when nothing that it
/// started is alive. When the driver goes first, all of it is killed.
int run(char** command);

}  // namespace charioteer::process::guard
