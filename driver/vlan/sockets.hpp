#pragma once

#include <sys/un.h>

#include <filesystem>
#include <vector>

#include "io/unique_fd.hpp"
#include "vlan/port.hpp"

/// The control directory of a segment and the sockets in it. All sockets are non-blocking and
/// closed on exec.
namespace charioteer::vlan {

/// The largest number of plugs of a segment: one more than the largest node number of NixOS tests.
inline constexpr std::size_t max_ports = 255;

std::filesystem::path control_path(const std::filesystem::path& directory);
std::filesystem::path stream_path(const std::filesystem::path& directory);
std::filesystem::path capture_path(const std::filesystem::path& directory);
/// The datagram socket of the VDE plug at `port`.
std::filesystem::path data_path(const std::filesystem::path& directory, PortId port);

/// Creates `directory` with mode 0700, or removes the sockets in an existing one. Throws
/// io::UsageError if socket paths in it would be too long or it belongs to another user, io::Error.
void prepare_directory(const std::filesystem::path& directory);

/// Removes all sockets in `directory`, then itself if nothing else is in it.
void clear_directory(const std::filesystem::path& directory) noexcept;

/// Listens on `path`. Throws io::Error.
io::UniqueFd listen_on(const std::filesystem::path& path);

/// The next connection; no descriptor if there is none, or with errno after an error.
io::UniqueFd accept_from(int listener) noexcept;

/// A datagram socket connected to `plug` and bound to `path`. Throws io::Error.
io::UniqueFd connect_datagram(const std::filesystem::path& path, const sockaddr_un& plug);

bool is_socket(int descriptor) noexcept;

/// Sets the send buffer of the socket to 1 MiB or the system's limit.
void enlarge_send_buffer(int socket) noexcept;

/// `path` as a socket address. It must fit.
sockaddr_un address_of(const std::filesystem::path& path) noexcept;

}  // namespace charioteer::vlan
