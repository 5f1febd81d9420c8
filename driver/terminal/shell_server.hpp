#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "io/time_source.hpp"
#include "io/unix_socket.hpp"
#include "terminal/shell_connection.hpp"

namespace charioteer::terminal {

/// Gives login shells of one machine to clients (`charioteer shell`): listens on a socket for its
/// user (and root), and serves any number of clients at once. Io thread only.
class ShellServer : public std::enable_shared_from_this<ShellServer> {
public:
    /// Listens at `path`, replacing a socket that is there. `begin` has the guest start a shell.
    /// Throws io::Error, io::UsageError.
    static std::shared_ptr<ShellServer> open(const asio::any_io_executor& executor,
                                             std::filesystem::path path, Begin begin,
                                             io::TimeSource& time);
    ShellServer(const ShellServer&) = delete;
    ShellServer& operator=(const ShellServer&) = delete;

    /// Removes the socket, disconnects all clients and hangs their shells up. Idempotent. Must be
    /// called, for until then the server holds itself.
    void close() noexcept;

private:
    ShellServer(io::UnixAcceptor acceptor, std::filesystem::path path, Begin begin,
                io::TimeSource& time);
    static asio::awaitable<void> accept_all(std::shared_ptr<ShellServer> self);
    void serve(io::UnixStream stream);

    io::UnixAcceptor acceptor_;
    std::filesystem::path path_;
    Begin begin_;
    io::TimeSource& time_;
    std::vector<std::weak_ptr<ShellConnection>> connections_;
};

}  // namespace charioteer::terminal
