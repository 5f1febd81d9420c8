#include "fakes/peer.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace charioteer::fakes {

namespace {

constexpr timeval patience{100, 0};

}  // namespace

Peer::Peer(io::UniqueFd socket) : socket_(std::move(socket)) {
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

void Peer::send(std::string_view bytes) {
    while (!bytes.empty()) {
        auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) throw std::runtime_error("the code under test did not read within 100 s");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string Peer::read_some(std::size_t most) {
    std::string bytes(most, '\0');
    auto got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0) throw std::runtime_error("the code under test sent nothing within 100 s");
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

std::string Peer::read(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
        auto piece = read_some(size - bytes.size());
        if (piece.empty()) throw std::runtime_error("the code under test closed the connection");
        bytes += piece;
    }
    return bytes;
}

std::string Peer::read_line() {
    std::string line;
    for (;;) {
        auto byte = read(1);
        if (byte == "\n") return line;
        line += byte;
    }
}

bool Peer::sees_the_end() {
    return read_some(1).empty();
}

std::pair<io::UnixStream, Peer> connected_pair(const io::asio::any_io_executor& executor) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::runtime_error("socketpair failed");
    io::UnixStream stream(executor, io::asio::local::stream_protocol(), ends[0]);
    return {std::move(stream), Peer(io::UniqueFd(ends[1]))};
}

}  // namespace charioteer::fakes
