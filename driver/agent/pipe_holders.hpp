#pragma once

#include "agent/text.hpp"

namespace charioteer::agent {

/// Processes that have a pipe open: "name (pid n)", separated by ", ".
using PipeHolders = Text<256>;

/// The other processes that have the other end of one of this process's pipes open. Takes some
/// milliseconds. Empty where /proc does not show open files.
PipeHolders find_pipe_holders(int pipe);

}  // namespace charioteer::agent
