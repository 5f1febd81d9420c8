#include "terminal/shell_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

namespace charioteer::terminal {

namespace {

using namespace std::chrono_literals;

/// Only the driver's user and root can connect.
constexpr io::ListenOptions listen_options{.backlog = 16, .mode = 0600};
/// Between attempts to accept a client when there are no free descriptors.
constexpr auto pause = 100ms;

bool is_allowed(io::UnixStream& stream) {
    ucred client{};
    socklen_t size = sizeof client;
    if (::getsockopt(stream.native_handle(), SOL_SOCKET, SO_PEERCRED, &client, &size) != 0)
        return false;
    return client.uid == 0 || client.uid == ::geteuid();
}

}  // namespace

ShellServer::ShellServer(io::UnixAcceptor acceptor, std::filesystem::path path, Begin begin,
                         io::TimeSource& time)
    : acceptor_(std::move(acceptor)),
      path_(std::move(path)),
      begin_(std::move(begin)),
      time_(time) {}

std::shared_ptr<ShellServer> ShellServer::open(const asio::any_io_executor& executor,
                                               std::filesystem::path path, Begin begin,
                                               io::TimeSource& time) {
    // Clients find the path in the system's list of sockets, in whichever directory they run.
    path = std::filesystem::absolute(path);
    std::shared_ptr<ShellServer> server(new ShellServer(
        io::listen_unix(executor, path, listen_options), path, std::move(begin), time));
    asio::co_spawn(executor, accept_all(server), asio::detached);
    return server;
}

asio::awaitable<void> ShellServer::accept_all(std::shared_ptr<ShellServer> self) {
    while (self->acceptor_.is_open()) {
        boost::system::error_code failure;
        auto stream = co_await self->acceptor_.async_accept(
            asio::redirect_error(asio::use_awaitable, failure));
        if (failure && self->acceptor_.is_open())
            co_await self->time_.sleep_for(pause);
        else if (!failure && is_allowed(stream))
            self->serve(std::move(stream));
    }
}

void ShellServer::serve(io::UnixStream stream) {
    std::erase_if(connections_, [](const auto& connection) { return connection.expired(); });
    auto executor = stream.get_executor();
    auto connection = std::make_shared<ShellConnection>(std::move(stream), begin_, time_);
    connections_.push_back(connection);
    asio::co_spawn(executor, ShellConnection::run(std::move(connection)), asio::detached);
}

void ShellServer::close() noexcept {
    if (!acceptor_.is_open()) return;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    std::error_code no_file;
    std::filesystem::remove(path_, no_file);
    for (const auto& connection : connections_)
        if (auto open = connection.lock()) open->close();
}

}  // namespace charioteer::terminal
