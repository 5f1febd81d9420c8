#include "io/peer_buffer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <optional>

#include "io/unique_fd.hpp"

namespace charioteer::io {

namespace {

/// The path to which a socket is bound (getsockname) or connected (getpeername).
template <class Ask>
std::string_view path_of(int socket, Ask ask, sockaddr_un& address) {
    socklen_t length = sizeof address;
    if (ask(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
        address.sun_family != AF_UNIX || length <= offsetof(sockaddr_un, sun_path))
        return {};
    return {address.sun_path, ::strnlen(address.sun_path, sizeof address.sun_path)};
}

UniqueFd copy_of(int process, int number) {
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_getfd, process, number, 0)));
}

void enlarge(int socket, int size) {
    if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
        ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

}  // namespace

void enlarge_peer_buffer(int socket, int size) noexcept {
    sockaddr_un ours{};
    auto path = path_of(socket, &::getsockname, ours);
    ucred peer{};
    socklen_t length = sizeof peer;
    if (path.empty() || ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return;
    UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
    if (!process) return;
    std::error_code failure;
    std::filesystem::directory_iterator entries(fmt::format("/proc/{}/fd", peer.pid), failure);
    for (; !failure && entries != std::filesystem::directory_iterator();
         entries.increment(failure)) {
        auto name = entries->path().filename().native();
        int number = -1;
        std::from_chars(name.data(), name.data() + name.size(), number);
        auto copy = copy_of(process.get(), number);
        sockaddr_un theirs{};
        if (copy && path_of(copy.get(), &::getpeername, theirs) == path) enlarge(copy.get(), size);
    }
}

}  // namespace charioteer::io
