#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/process_priority.hpp"
#include "frames/messages.hpp"

namespace charioteer::agent {

/// What commands inherit: the environment and priority that the agent was started with.
struct Inheritance {
    char** environment = nullptr;
    ProcessPriority priority;
};

/// A running command: the leader of its process group, and the agent's ends of its streams.
struct Spawned {
    long process = 0;  ///< its process id, or a negative errno
    int input = -1;
    int output = -1;  ///< the terminal, if there is one, which is input too
    int errors = -1;
};

/// A script, or the words of a built-in program; followed by a NUL.
struct CommandText {
    const char* data = nullptr;
    size_t size = 0;
};

/// Starts a script with bash, or with sh if there is no bash, or a built-in program. The agent's
/// ends are non-blocking and close on exec.
Spawned spawn(const frames::Exec& exec, CommandText text, const Inheritance& inheritance);

}  // namespace charioteer::agent
