#pragma once

#include <sys/resource.h>

namespace charioteer::agent {

/// What a process may claim before others, as the agent was given it.
struct Precedence {
    rlimit open_files{};  ///< zeros where Linux does not say
    int nice = 0;
};

/// Takes what keeps the agent answering in a busy guest, as far as it may. Returns what was before.
/// Commands do not need what it takes. Want of memory ends whoever has most, which the agent never
/// is.
Precedence raise_precedence();

/// Gives it up again, in a command's process.
void restore(const Precedence& before);

}  // namespace charioteer::agent
