#pragma once

#include "command/command.hpp"
#include "terminal/message.hpp"

namespace charioteer::terminal {

/// root's login shell, as after a login: in the home directory, with the environment that the
/// guest's profile gives and nothing of the agent's. bash or sh where root's shell cannot be run.
command::Command login_command(const Opening& opening);

}  // namespace charioteer::terminal
