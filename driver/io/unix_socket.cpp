#include "io/unix_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "io/backoff.hpp"
#include "io/error.hpp"

namespace charioteer::io {

using namespace std::chrono_literals;

void check_socket_path(const std::filesystem::path& path) {
    constexpr std::size_t limit = sizeof(sockaddr_un::sun_path) - 1;
    if (path.native().size() <= limit) return;
    throw UsageError(
        fmt::format("the socket path {} has {} bytes, the system allows {}: set XDG_RUNTIME_DIR "
                    "(or TMPDIR) to a shorter directory",
                    path.native(), path.native().size(), limit));
}

UnixAcceptor listen_unix(const asio::any_io_executor& executor, const std::filesystem::path& path,
                         ListenOptions options) {
    check_socket_path(path);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    UnixAcceptor acceptor(executor);
    boost::system::error_code failure;
    acceptor.open(asio::local::stream_protocol(), failure);
    if (!failure) acceptor.bind(path.native(), failure);
    // Before listen(), without which connecting fails.
    if (!failure && options.mode != 0 &&
        ::chmod(path.c_str(), static_cast<mode_t>(options.mode)) != 0)
        failure.assign(errno, boost::system::system_category());
    if (!failure) acceptor.listen(options.backlog, failure);
    if (failure) throw system_error(fmt::format("listening on {}", path.native()), failure.value());
    return acceptor;
}

asio::awaitable<UnixStream> connect_unix(std::filesystem::path path, Deadline deadline,
                                         TimeSource& time) {
    check_socket_path(path);
    auto executor = co_await asio::this_coro::executor;
    // A starting peer has not created its socket yet, or does not listen yet.
    for (Backoff backoff(1ms, 50ms);;) {
        UnixStream socket(executor);
        boost::system::error_code failure;
        asio::local::stream_protocol::endpoint endpoint(path.native());
        co_await socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, failure));
        if (!failure) co_return socket;
        if (failure != boost::system::errc::no_such_file_or_directory &&
            failure != boost::system::errc::connection_refused)
            throw system_error(fmt::format("connecting to {}", path.native()), failure.value());
        if (deadline.passed(time.now()))
            throw deadline.exceeded(fmt::format("nothing listened on {}", path.native()));
        co_await time.sleep_for(backoff.next());
    }
}

}  // namespace charioteer::io
