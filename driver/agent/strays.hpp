#pragma once

#include <stdint.h>

#include "agent/text.hpp"

namespace charioteer::agent {

/// Who holds an end of the pipes of a command that has ended.
struct Strays {
    uint32_t count = 0;
    bool busy = false;  ///< one of them was running or waited for a disk
    Text<256> names;    ///< "name (pid n)", separated by ", "
};

/// Looks through the open files of all processes but ourselves for the given pipes; -1 is none.
/// Takes some milliseconds. Without /proc nobody is found.
Strays find_strays(int output, int errors);

}  // namespace charioteer::agent
