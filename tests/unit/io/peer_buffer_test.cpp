#include "io/peer_buffer.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fakes/temporary_directory.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::io {
namespace {

int send_buffer_of(int socket) {
    int size = 0;
    socklen_t length = sizeof size;
    ::getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, &length);
    return size;
}

TEST(PeerBuffer, IsEnlargedAtThePeersEndOnly) {
    fakes::TemporaryDirectory directory;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory.path() / "socket").native().copy(address.sun_path, sizeof address.sun_path - 1);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), generic, sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    // Both ends belong to this process, which may always inspect itself.
    UniqueFd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(peer.get(), generic, sizeof address), 0);
    UniqueFd ours(::accept(listener.get(), nullptr, nullptr));
    auto before = send_buffer_of(peer.get());
    auto unchanged = send_buffer_of(ours.get());

    enlarge_peer_buffer(ours.get(), 1 << 24);

    EXPECT_GT(send_buffer_of(peer.get()), before);
    EXPECT_EQ(send_buffer_of(ours.get()), unchanged);
}

TEST(PeerBuffer, IsUnchangedWithoutAPath) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    UniqueFd ours(pair[0]);
    UniqueFd theirs(pair[1]);
    auto before = send_buffer_of(theirs.get());
    enlarge_peer_buffer(ours.get(), 1 << 24);
    EXPECT_EQ(send_buffer_of(theirs.get()), before);
}

}  // namespace
}  // namespace charioteer::io
