#pragma once

namespace charioteer::agent {

/// The agent: `FD NONCE [detach [finish]]`. FD is the connection to the driver; NONCE, a
/// hexadecimal number, is sent back in the hello. With `detach` the program file is removed, and
/// the agent runs on in a session of its own while the call returns; with `finish` SIGTERM ends it
/// only when it has answered its commands. The agent ends with the connection. It does not end
/// commands, because they may be daemons, except those on a terminal, which are hung up, and
/// built-in programs. Returns the exit status: 0 if it has detached, 1 at the end of the
/// connection, 2 for wrong arguments, 3 if it cannot fork, 4 if there is no memory. `built-in
/// WORD...` runs a built-in program instead and returns its exit status.
int main(int count, char** arguments, char** environment);

}  // namespace charioteer::agent
