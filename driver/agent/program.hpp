#pragma once

#include <stdint.h>

namespace charioteer::agent {

/// Size and checksum of the agent's file, which the driver compares with the file that it sent.
struct Program {
    uint64_t size = 0;
    uint64_t checksum = 0;
};

/// Of the running program; zeros when its file cannot be read, as without /proc.
Program identify_program();

}  // namespace charioteer::agent
