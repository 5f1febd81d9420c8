#pragma once

#include <sys/un.h>

#include <filesystem>
#include <vector>

#include "io/unique_fd.hpp"
#include "vlan/port.hpp"

/// The control directory of a segment and the sockets in it. All sockets are non-blocking and
/// closed on exec.
namespace charioteer::vlan {

/// How many plugs a segment takes: one more than upstream numbers nodes.
inline constexpr std::size_t max_ports = 255;

std::filesystem::path control_path(const std::filesystem::path& directory);
std::filesystem::path stream_path(const std::filesystem::path& directory);
/// The datagram socket of the VDE plug at `port`.
std::filesystem::path data_path(const std::filesystem::path& directory, PortId port);

/// Makes `directory` with mode 0700, or takes over one left behind: sockets in it are removed.
/// Throws io::UsageError when socket paths in it would be too long or it is not ours, io::Error.
void prepare_directory(const std::filesystem::path& directory);

/// Removes all sockets in `directory`, then itself if nothing else is in it.
void clear_directory(const std::filesystem::path& directory) noexcept;

/// Listens on `path`. Throws io::Error.
io::UniqueFd listen_on(const std::filesystem::path& path);

/// The next connection; no descriptor when there is none, or with errno when it failed.
io::UniqueFd accept_from(int listener) noexcept;

/// A datagram socket that talks to `plug` only and has the name `path`. Throws io::Error.
io::UniqueFd connect_datagram(const std::filesystem::path& path, const sockaddr_un& plug);

/// Gives the socket a send buffer of 1 MiB, or as much of it as the system allows.
void enlarge_send_buffer(int socket) noexcept;

/// `path` as a socket address. It must fit.
sockaddr_un address_of(const std::filesystem::path& path) noexcept;

}  // namespace charioteer::vlan
