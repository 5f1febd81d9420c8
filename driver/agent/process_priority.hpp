#pragma once

#include <sys/resource.h>

namespace charioteer::agent {

/// The scheduling priority and the file limit that the agent was started with.
struct ProcessPriority {
    rlimit open_files{};  ///< zeros if the kernel does not support the query
    int nice = 0;
};

/// Raises both, as far as permitted, so that the agent responds in a busy guest. Returns the
/// previous values, which commands get. The OOM score is not changed: the OOM killer prefers larger
/// processes.
ProcessPriority raise_priority();

/// Sets both to `before`, in a command's process.
void restore(const ProcessPriority& before);

}  // namespace charioteer::agent
