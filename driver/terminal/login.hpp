#pragma once

#include "channel/call.hpp"
#include "terminal/message.hpp"

namespace charioteer::terminal {

/// root's login shell, as after a login: in the home directory, with the environment that the
/// guest's profile gives and nothing of the agent's. bash or sh where root's shell cannot be run.
channel::Request login_request(const Opening& opening);

}  // namespace charioteer::terminal
