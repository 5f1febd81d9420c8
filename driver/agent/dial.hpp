#pragma once

namespace charioteer::agent {

/// The built-in program `dial PATH`: connects to the Unix socket, and copies standard input to it
/// and its output to standard output until it is closed. Returns 0 then, and 1 when the connection
/// fails or standard output is closed early.
int dial(const char* path);

}  // namespace charioteer::agent
