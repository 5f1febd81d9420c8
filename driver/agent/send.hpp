#pragma once

namespace charioteer::agent {

/// Writes the file or directory `path` to standard output as a stream (frames/tree.hpp). If the
/// path itself is a link, it is followed; links in the tree are sent as links. Sockets, pipes and
/// devices in the tree are left out, which is reported on standard error; files that disappear
/// meanwhile are left out. Returns the exit status: 1, and a line on standard error, when something
/// could not be read; the stream then has no end.
int send(const char* path);

}  // namespace charioteer::agent
