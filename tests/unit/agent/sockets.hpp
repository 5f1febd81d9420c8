#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

#include "io/unique_fd.hpp"

namespace charioteer::agent {

/// A socket bound to a port of its own on the loopback device of `family`; empty without IPv6.
inline io::UniqueFd bind_port(int family = AF_INET) {
    io::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool bound = family == AF_INET6
                     ? ::bind(fd.get(), reinterpret_cast<sockaddr*>(&six), sizeof six) == 0
                     : ::bind(fd.get(), reinterpret_cast<sockaddr*>(&four), sizeof four) == 0;
    return bound ? std::move(fd) : io::UniqueFd();
}

inline void listen_on(const io::UniqueFd& fd) {
    if (::listen(fd.get(), 8) != 0) throw std::runtime_error("listen failed");
}

inline sockaddr_in address_of(const io::UniqueFd& fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    // The port has the same offset in both families.
    sockaddr_in result{};
    std::memcpy(&result, &address, sizeof result);
    return result;
}

inline std::string port_of(const io::UniqueFd& fd) {
    return std::to_string(ntohs(address_of(fd).sin_port));
}

/// A Unix socket bound to a path, or to an abstract name as `@name`.
inline io::UniqueFd bind_unix(const std::string& path, int type = SOCK_STREAM) {
    io::UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (path[0] == '@') address.sun_path[0] = '\0';
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0)
        throw std::runtime_error("cannot bind " + path);
    return fd;
}

}  // namespace charioteer::agent
