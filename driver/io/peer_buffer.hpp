#pragma once

namespace charioteer::io {

/// Sets the send buffer of the peer of a connected Unix socket, a child process, to `size` bytes or
/// the system's limit, which is about 400 KB without privileges. Does nothing without the
/// permission.
void enlarge_peer_buffer(int socket, int size) noexcept;

}  // namespace charioteer::io
