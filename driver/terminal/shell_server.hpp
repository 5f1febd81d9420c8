#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "io/time_source.hpp"
#include "io/unix_socket.hpp"
#include "terminal/shell_connection.hpp"

namespace charioteer::terminal {

/// Serves login shells of one machine to clients (`charioteer shell`), any number at once: listens
/// on a socket to which only the driver's user and root can connect. Io thread only.
class ShellServer : public std::enable_shared_from_this<ShellServer> {
public:
    /// Listens at `path`, replacing a socket that is there. `begin` starts a shell in the guest.
    /// Throws io::Error, io::UsageError.
    static std::shared_ptr<ShellServer> open(const asio::any_io_executor& executor,
                                             std::filesystem::path path, Begin begin,
                                             io::TimeSource& time);
    ShellServer(const ShellServer&) = delete;
    ShellServer& operator=(const ShellServer&) = delete;

    /// Removes the socket, disconnects all clients and hangs their shells up. Idempotent. Must be
    /// called: until then a coroutine keeps the server alive.
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
