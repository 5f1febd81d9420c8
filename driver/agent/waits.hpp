#pragma once

namespace charioteer::agent {

// Built-in programs that exit with 0 as soon as a condition holds. Their results are hints, which
// the caller verifies by other means. They use at most about one hundredth of a processor and have
// no time limit. They exit with 2 for wrong arguments, and with 3 if they cannot evaluate the
// condition, with a line on standard error.

/// `PORT open|closed`: whether a socket listens on the TCP port, at any address.
int wait_port(const char* const* words);

/// `PATH stream|datagram`: whether a stream socket bound to PATH listens, or a datagram socket
/// exists. `@NAME` also means an abstract one.
int wait_unix(const char* const* words);

/// `PATTERN`: whether a path exists to which a shell expands the word. Exits with 3 immediately if
/// only a shell can expand the word.
int wait_file(const char* pattern, const char* const* environment);

}  // namespace charioteer::agent
