#pragma once

#include "command/command.hpp"
#include "terminal/message.hpp"

namespace charioteer::terminal {

/// Starts root's login shell as a login does: in the home directory, with the environment of the
/// guest's profile and without the agent's. Starts bash or sh where root's shell cannot be run.
command::Command login_command(const Opening& opening);

}  // namespace charioteer::terminal
