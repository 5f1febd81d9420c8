#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>

#include "io/deadline.hpp"
#include "io/time_source.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::io {

using UnixStream = asio::local::stream_protocol::socket;
using UnixAcceptor = asio::local::stream_protocol::acceptor;

/// Throws UsageError, naming the path and the limit, when `path` is too long for a socket address
/// (107 bytes on Linux).
void check_socket_path(const std::filesystem::path& path);

struct ListenOptions {
    int backlog = 1;  ///< the default is for a peer that connects once
    int mode = 0;     ///< permissions of the socket file, which decide who can connect; 0: by umask
};

/// Listens on `path` and replaces an existing socket file. Throws Error, UsageError.
UnixAcceptor listen_unix(const asio::any_io_executor& executor, const std::filesystem::path& path,
                         ListenOptions options = {});

/// Connects to `path` as soon as a peer listens there. Io thread. Throws TimeoutError.
asio::awaitable<UnixStream> connect_unix(std::filesystem::path path, Deadline deadline,
                                         TimeSource& time);

}  // namespace charioteer::io
