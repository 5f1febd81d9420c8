#pragma once

namespace charioteer::agent {

/// Writes what is at `path` to standard output as a stream (frames/tree.hpp). A link at the end of
/// the path is followed, one within is sent as a link. Sockets, pipes and devices within are left
/// out, which standard error says; what disappears meanwhile is as if it had never been there.
/// Returns the exit status: 1, and a line on standard error, when something could not be read; the
/// stream then has no end.
int send(const char* path);

}  // namespace charioteer::agent
