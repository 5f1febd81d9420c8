#pragma once

namespace charioteer::agent {

// Built-in programs that exit with 0 as soon as a condition holds. Their results are hints, which
// the caller verifies by other means. They use about a hundredth of a processor at most and have no
// time limit. They exit with 2 for wrong arguments, and with 3 when they cannot determine the
// condition, with a line on standard error.

/// `PORT open|closed`: whether a socket listens on the TCP port, at whatever address.
int wait_port(const char* const* words);

/// `PATH stream|datagram`: whether a socket bound to PATH listens, or exists. `@NAME` is an
/// abstract one too.
int wait_unix(const char* const* words);

/// `PATTERN`: whether a path exists that the word expands to in a shell. Exits with 3 at once when
/// only a shell can expand the word.
int wait_file(const char* pattern, const char* const* environment);

}  // namespace charioteer::agent
