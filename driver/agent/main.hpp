#pragma once

namespace charioteer::agent {

/// The agent: `FD NONCE [detach]`. FD is open on the line to the driver; NONCE, a hexadecimal
/// number, goes back to it in the hello. With `detach` the program file is removed, and the agent
/// lives on in a session of its own while the call returns. When the line ends, so does it;
/// commands go on, as daemons have to, but those on a terminal are hung up, which ends an
/// interactive shell and its jobs, and built-in programs end. Returns the exit status: 0 once it
/// has detached, 1 when the line has ended, 2 for bad arguments, 3 or 4 when the guest has no room
/// for another process or for memory. `built-in WORD...` runs a built-in program instead and
/// returns its exit status.
int main(int count, char** arguments, char** environment);

}  // namespace charioteer::agent
