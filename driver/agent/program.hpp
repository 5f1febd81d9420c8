#pragma once

#include <stdint.h>

namespace charioteer::agent {

/// Size and checksum of the agent's file, which the driver compares with the file that it sent.
struct Program {
    uint64_t size = 0;
    uint64_t checksum = 0;
};

/// Identifies the running program; zeros if its file cannot be read, for example without /proc.
Program identify_program();

}  // namespace charioteer::agent
