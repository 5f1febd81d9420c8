#pragma once

namespace charioteer::agent {

/// The built-in program `dial PATH`: connects to the Unix socket and relays standard input to it
/// and what it says to standard output, until its end. Returns 0 then, and 1 when there is no
/// connection or nobody reads its output.
int dial(const char* path);

}  // namespace charioteer::agent
