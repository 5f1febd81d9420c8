#pragma once

#include <sys/types.h>

namespace charioteer::process::guard {

/// Makes this process the parent of every descendant whose own parent ends.
void adopt_orphans();

/// Sends `signal` to every living descendant of this process.
void signal_descendants(int signal);

/// Kills descendants until none is left, and reaps them.
void kill_descendants();

}  // namespace charioteer::process::guard
