#pragma once

namespace charioteer::agent {

/// The agent: `FD NONCE [detach]`. FD is open on the line to the driver; NONCE, a hexadecimal
/// number, is sent back in the hello. With `detach` the program file is removed, and the agent runs
/// on in a session of its own while the call returns. The agent ends with the line. Commands are
/// not ended, since they may be daemons, except for those on a terminal, which are hung up, and
/// built-in programs. Returns the exit status: 0 once it has detached, 1 when the line has ended, 2
/// for wrong arguments, 3 when it cannot fork, 4 when there is no memory. `built-in WORD...` runs a
/// built-in program instead and returns its exit status.
int main(int count, char** arguments, char** environment);

}  // namespace charioteer::agent
