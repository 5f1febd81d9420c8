#include "unit/agent/ioctl_listener.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace charioteer::agent {
namespace {

/// Reached only by a failing test.
constexpr int limit_ms = 60'000;

/// The data of a message with one file descriptor.
struct Message {
    Message() {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    char byte = 0;
    iovec part{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
};

bool send_descriptor(int socket, int descriptor) {
    Message message;
    auto* rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    return ::sendmsg(socket, &message.header, 0) == 1;
}

/// A descriptor by which the ioctls of this process are received, or -1.
int install_filter() {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{.len = std::size(filter), .filter = filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                      SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

std::string memory_of(pid_t process, unsigned long address, std::size_t size) {
    std::string bytes(size, '\0');
    iovec local{.iov_base = bytes.data(), .iov_len = size};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of another process
    iovec remote{.iov_base = reinterpret_cast<void*>(address), .iov_len = size};
    auto got = ::process_vm_readv(process, &local, 1, &remote, 1, 0);
    if (got < 0) throw std::system_error(errno, std::generic_category(), "process_vm_readv");
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

}  // namespace

IoctlListener::IoctlListener() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    child_end_ = io::UniqueFd(ends[0]);
    parent_end_ = io::UniqueFd(ends[1]);
}

bool IoctlListener::catch_ioctls() const {
    io::UniqueFd listener(install_filter());
    return listener && send_descriptor(child_end_.get(), listener.get());
}

void IoctlListener::receive_listener() {
    child_end_.reset();
    Message message;
    int descriptor = -1;
    if (::recvmsg(parent_end_.get(), &message.header, MSG_CMSG_CLOEXEC) == 1)
        std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message.header)), sizeof descriptor);
    listener_ = io::UniqueFd(descriptor);
    if (!listener_) throw std::runtime_error("the child has sent no listener");
}

Ioctl IoctlListener::next(std::size_t size) {
    if (!listener_) receive_listener();
    pollfd entry{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, limit_ms) != 1 || (entry.revents & POLLIN) == 0)
        throw std::runtime_error("the child has made no further ioctl");
    seccomp_notif caught{};
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &caught) != 0)
        throw std::system_error(errno, std::generic_category(), "SECCOMP_IOCTL_NOTIF_RECV");
    auto process = static_cast<pid_t>(caught.pid);
    auto link = "/proc/" + std::to_string(process) + "/fd/" + std::to_string(caught.data.args[0]);
    Ioctl made{std::filesystem::read_symlink(link), caught.data.args[1],
               memory_of(process, caught.data.args[2], size)};
    seccomp_notif_resp answer{.id = caught.id, .val = 0, .error = 0, .flags = 0};
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0)
        throw std::system_error(errno, std::generic_category(), "SECCOMP_IOCTL_NOTIF_SEND");
    return made;
}

}  // namespace charioteer::agent
