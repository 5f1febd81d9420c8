#pragma once

namespace charioteer::agent {

/// Writes the file or directory `path` to standard output as a stream (frames/tree.hpp). If the
/// path itself is a link, it is followed; links in the tree are sent as links. Sockets, pipes and
/// devices in the tree are skipped, which is reported on standard error; files that disappear
/// meanwhile are skipped silently. Returns the exit status: 1, and a line on standard error, if
/// something could not be read; the stream is then incomplete.
int send(const char* path);

}  // namespace charioteer::agent
