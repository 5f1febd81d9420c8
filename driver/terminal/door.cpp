#include "terminal/door.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "io/error.hpp"

namespace charioteer::terminal {

namespace {

using namespace std::chrono_literals;

constexpr int backlog = 16;
/// Between two tries when the system has no more descriptors for visitors.
constexpr auto pause = 100ms;

io::UnixAcceptor listen(const asio::any_io_executor& executor, const std::filesystem::path& path) {
    io::check_socket_path(path);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    io::UnixAcceptor acceptor(executor);
    boost::system::error_code failure;
    acceptor.open(asio::local::stream_protocol(), failure);
    if (!failure) acceptor.bind(path.native(), failure);
    // Nobody can connect before it listens.
    if (!failure && ::chmod(path.c_str(), 0600) != 0)
        failure.assign(errno, boost::system::system_category());
    if (!failure) acceptor.listen(backlog, failure);
    if (failure)
        throw io::system_error(fmt::format("listening on {}", path.native()), failure.value());
    return acceptor;
}

bool may_enter(io::UnixStream& stream) {
    ucred visitor{};
    socklen_t size = sizeof visitor;
    if (::getsockopt(stream.native_handle(), SOL_SOCKET, SO_PEERCRED, &visitor, &size) != 0)
        return false;
    return visitor.uid == 0 || visitor.uid == ::geteuid();
}

}  // namespace

Door::Door(io::UnixAcceptor acceptor, std::filesystem::path path, Begin begin, io::TimeSource& time)
    : acceptor_(std::move(acceptor)),
      path_(std::move(path)),
      begin_(std::move(begin)),
      time_(time) {}

std::shared_ptr<Door> Door::open(const asio::any_io_executor& executor, std::filesystem::path path,
                                 Begin begin, io::TimeSource& time) {
    // What the system lists has to be of use to programs elsewhere.
    path = std::filesystem::absolute(path);
    std::shared_ptr<Door> door(new Door(listen(executor, path), path, std::move(begin), time));
    asio::co_spawn(executor, admit(door), asio::detached);
    return door;
}

asio::awaitable<void> Door::admit(std::shared_ptr<Door> self) {
    while (self->acceptor_.is_open()) {
        boost::system::error_code failure;
        auto stream = co_await self->acceptor_.async_accept(
            asio::redirect_error(asio::use_awaitable, failure));
        if (failure && self->acceptor_.is_open())
            co_await self->time_.sleep_for(pause);
        else if (!failure && may_enter(stream))
            self->receive(std::move(stream));
    }
}

void Door::receive(io::UnixStream stream) {
    std::erase_if(visits_, [](const auto& visit) { return visit.expired(); });
    auto executor = stream.get_executor();
    auto visit = std::make_shared<Visit>(std::move(stream), begin_, time_);
    visits_.push_back(visit);
    asio::co_spawn(executor, Visit::run(std::move(visit)), asio::detached);
}

void Door::close() noexcept {
    if (!acceptor_.is_open()) return;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    std::error_code no_file;
    std::filesystem::remove(path_, no_file);
    for (const auto& visit : visits_)
        if (auto living = visit.lock()) living->close();
}

}  // namespace charioteer::terminal
