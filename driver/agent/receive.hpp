#pragma once

namespace charioteer::agent {

/// Reads a stream (frames/tree.hpp) from standard input and places it as
/// `mkdir -p "$(dirname TARGET)" && cp -r SOURCE TARGET` does: in `target` if that is a directory,
/// by the name that the stream has, else as `target`. A target with a slash at its end that does
/// not exist becomes the directory that was sent, or one for the file. A directory that exists is
/// merged into and keeps its mode; where a link stands a file replaces what the link points to.
///
/// A file, link or new directory appears at once when all of it is there, and that which is the
/// root of the stream only after the end of the stream: beside it stands a ".charioteer-PID-N"
/// until then, which is removed on failure and on signals that end programs, but for SIGKILL. What
/// is no file, as a device, is written into. Modes are those sent, whatever the umask is;
/// directories above the target that had to be made stay in any case.
/// Returns the exit status: 1, and a line on standard error, when something failed.
int receive(const char* target);

}  // namespace charioteer::agent
