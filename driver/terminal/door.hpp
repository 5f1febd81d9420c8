#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "io/time_source.hpp"
#include "io/unix_socket.hpp"
#include "terminal/visit.hpp"

namespace charioteer::terminal {

/// Where a machine is asked for login shells: a socket for its user (and root), for any number of
/// visitors at once. Io thread only.
class Door : public std::enable_shared_from_this<Door> {
public:
    /// Listens at `path`, replacing a socket that is there. `begin` is what has the guest start a
    /// shell. Throws io::Error, io::UsageError.
    static std::shared_ptr<Door> open(const asio::any_io_executor& executor,
                                      std::filesystem::path path, Begin begin,
                                      io::TimeSource& time);
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    /// Removes the socket, sends all visitors away and hangs their shells up. Idempotent; to be
    /// called, for until then the door holds itself.
    void close() noexcept;

private:
    Door(io::UnixAcceptor acceptor, std::filesystem::path path, Begin begin, io::TimeSource& time);
    static asio::awaitable<void> admit(std::shared_ptr<Door> self);
    void receive(io::UnixStream stream);

    io::UnixAcceptor acceptor_;
    std::filesystem::path path_;
    Begin begin_;
    io::TimeSource& time_;
    std::vector<std::weak_ptr<Visit>> visits_;
};

}  // namespace charioteer::terminal
