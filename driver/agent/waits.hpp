#pragma once

namespace charioteer::agent {

// Built-in programs that end with 0 as soon as something looks as wanted. They give hints: whoever
// needs to be sure asks again in his own way. They take about a hundredth of a processor at most
// and wait for ever. 2 is for words that they do not know, 3 for what they cannot tell, which they
// say in a line on standard error.

/// `PORT open|closed`: whether a socket listens on the TCP port, at whatever address.
int wait_port(const char* const* words);

/// `PATH stream|datagram`: whether a socket bound to PATH listens, or exists. `@NAME` is an
/// abstract one too.
int wait_unix(const char* const* words);

/// `PATTERN`: whether a path exists that the word names for a shell. 3 at once when only a shell
/// can read it.
int wait_file(const char* pattern, const char* const* environment);

}  // namespace charioteer::agent
