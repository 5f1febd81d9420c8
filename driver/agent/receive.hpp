#pragma once

namespace charioteer::agent {

/// Reads a stream (frames/tree.hpp) from standard input and writes the tree as
/// `mkdir -p "$(dirname TARGET)" && cp -r SOURCE TARGET` does: into `target` if that is a
/// directory, under the name in the stream, else as `target`. A target with a trailing slash that
/// does not exist becomes the directory that was sent, or a directory for the file. A directory
/// that exists is merged into and keeps its mode; for a link, a file replaces what the link points
/// to.
///
/// A file, link or new directory appears once it is complete, and the root of the stream only after
/// the end of the stream. Until then it is in ".charioteer-PID-N" in the same directory, which is
/// removed on failure and by signals that end programs, except SIGKILL. Devices and pipes are
/// written into. Modes are those sent, whatever the umask is; parent directories that had to be
/// created are kept in any case. Returns the exit status: 1, and a line on standard error, when
/// something failed.
int receive(const char* target);

}  // namespace charioteer::agent
