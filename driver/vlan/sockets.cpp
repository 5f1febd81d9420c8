#include "vlan/sockets.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/error.hpp"
#include "io/unix_socket.hpp"

namespace charioteer::vlan {

namespace fs = std::filesystem;

namespace {

/// The longest file name in the directory: libvdeplug's own socket, named by a process id and a
/// counter.
constexpr const char* longest_name = ".4194304-00000";

io::UniqueFd make_socket(int type) {
    io::UniqueFd made(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!made) throw io::system_error("cannot create a socket", errno);
    return made;
}

void bind_to(int socket, const fs::path& path) {
    auto address = address_of(path);
    ::unlink(path.c_str());
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw io::system_error(fmt::format("cannot create the socket {}", path.native()), errno);
}

void remove_sockets(const fs::path& directory) noexcept {
    std::error_code failure;
    fs::directory_iterator entry(directory, failure);
    // If increment() fails, the iterator becomes the end.
    for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) {
        std::error_code ignored;
        if (entry->is_socket(ignored)) fs::remove(entry->path(), ignored);
    }
}

}  // namespace

fs::path control_path(const fs::path& directory) {
    return directory / "ctl";
}

fs::path stream_path(const fs::path& directory) {
    return directory / "stream";
}

fs::path capture_path(const fs::path& directory) {
    return directory / "capture";
}

fs::path data_path(const fs::path& directory, PortId port) {
    return directory / fmt::format("data.{:03}", port);
}

void prepare_directory(const fs::path& directory) {
    io::check_socket_path(directory / longest_name);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        throw io::system_error(fmt::format("cannot create the directory {}", directory.native()),
                               errno);
    struct stat status {};
    if (::lstat(directory.c_str(), &status) != 0)
        throw io::system_error(fmt::format("cannot read the status of {}", directory.native()),
                               errno);
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid())
        throw io::UsageError(fmt::format(
            "{} exists and is not a directory that belongs to user {}; remove it or use "
            "another state directory",
            directory.native(), ::geteuid()));
    // Also after mkdir, because the umask may have removed required bits.
    if (::chmod(directory.c_str(), 0700) != 0)
        throw io::system_error(fmt::format("cannot set the mode of {}", directory.native()), errno);
    remove_sockets(directory);
}

void clear_directory(const fs::path& directory) noexcept {
    remove_sockets(directory);
    ::rmdir(directory.c_str());
}

sockaddr_un address_of(const fs::path& path) noexcept {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy_n(path.c_str(), std::min(path.native().size(), sizeof address.sun_path - 1),
                address.sun_path);
    return address;
}

io::UniqueFd listen_on(const fs::path& path) {
    auto listener = make_socket(SOCK_STREAM);
    bind_to(listener.get(), path);
    if (::listen(listener.get(), SOMAXCONN) != 0)
        throw io::system_error(fmt::format("cannot listen on {}", path.native()), errno);
    return listener;
}

io::UniqueFd accept_from(int listener) noexcept {
    return io::UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

io::UniqueFd connect_datagram(const fs::path& path, const sockaddr_un& plug) {
    auto made = make_socket(SOCK_DGRAM);
    enlarge_send_buffer(made.get());
    // Connected before it is bound, so that only the plug can ever send to it.
    if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&plug), sizeof plug) != 0)
        throw io::system_error(fmt::format("cannot connect to the plug's socket {}", plug.sun_path),
                               errno);
    bind_to(made.get(), path);
    return made;
}

bool is_socket(int descriptor) noexcept {
    int kind = 0;
    socklen_t size = sizeof kind;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &size) == 0;
}

void enlarge_send_buffer(int socket) noexcept {
    int size = 1 << 20;  // the kernel reduces it to its limit
    ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

}  // namespace charioteer::vlan
