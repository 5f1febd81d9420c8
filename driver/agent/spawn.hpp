#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/precedence.hpp"
#include "frames/messages.hpp"

namespace charioteer::agent {

/// What the agent was given at its start and gives on to every command.
struct Inheritance {
    char** environment = nullptr;
    Precedence precedence;
};

/// A command that runs: the process that leads its group, and our ends of its streams.
struct Spawned {
    long process = 0;  ///< or what Linux said instead, a negative number
    int input = -1;
    int output = -1;  ///< of a terminal too, which is also written to
    int errors = -1;
};

/// What is to be run: a script, or the words of a built-in program. A NUL follows it.
struct CommandText {
    const char* data = nullptr;
    size_t size = 0;
};

/// Starts a script under bash, or under sh where there is none, or a built-in program. Our ends do
/// not block and are closed on exec.
Spawned spawn(const frames::Exec& exec, CommandText text, const Inheritance& inheritance);

}  // namespace charioteer::agent
