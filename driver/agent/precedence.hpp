#pragma once

#include <stdint.h>

#include "agent/text.hpp"

namespace charioteer::agent {

/// What a process may claim before others, as the agent was given it.
struct Precedence {
    uint64_t open_files = 0;  ///< soft limit
    int nice = 0;
    Text<8> oom_score;  ///< what is added to it, as /proc has it; empty without /proc
};

/// Takes what keeps the agent answering in a guest that is busy or out of memory, as far as it may.
/// Returns what was before. Commands do not need what it takes.
Precedence raise_precedence();

/// Gives it up again, in a command's process.
void restore(const Precedence& before);

}  // namespace charioteer::agent
