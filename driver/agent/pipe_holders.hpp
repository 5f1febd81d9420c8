#pragma once

#include "agent/text.hpp"

namespace charioteer::agent {

/// Processes that have a pipe open: "name (pid n)", separated by ", ".
using PipeHolders = Text<256>;

/// Looks through the open files of all processes but ourselves for the other end of a pipe of ours.
/// Takes some milliseconds. Empty where /proc does not show them.
PipeHolders find_pipe_holders(int pipe);

}  // namespace charioteer::agent
