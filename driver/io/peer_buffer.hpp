#pragma once

namespace charioteer::io {

/// Has the process at the other end of a connected UNIX socket, a child of ours, keep up to `size`
/// bytes that it has sent and we have not read; as much of them as the system allows: without
/// privileges some 400 KB. Does nothing where it may not.
void enlarge_peer_buffer(int socket, int size) noexcept;

}  // namespace charioteer::io
