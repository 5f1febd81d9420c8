#pragma once

#include <stdint.h>

namespace charioteer::agent {

/// What the driver compares with what it sent.
struct Program {
    uint64_t size = 0;
    uint64_t checksum = 0;
};

/// Of the file that runs; zeros when it cannot be read, as without /proc.
Program identify_program();

}  // namespace charioteer::agent
