#include "vlan/control.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace charioteer::vlan {

ControlConnection::State ControlConnection::read() {
    std::array<std::byte, 512> bytes;
    auto length = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return State::waiting;
    if (length <= 0) {
        // A connection that is closed without a request only tested whether the socket listens.
        if (complete_ || !begun_) return State::ended;
        error_ = "ended before it was complete";
        return State::garbage;
    }
    if (complete_) return State::waiting;
    begun_ = true;
    switch (request_.feed(Bytes{bytes.data(), static_cast<std::size_t>(length)})) {
        case vde::Progress::complete:
            complete_ = true;
            return State::requested;
        case vde::Progress::garbage:
            error_ = request_.error();
            return State::garbage;
        case vde::Progress::incomplete:
            break;
    }
    return State::waiting;
}

bool ControlConnection::answer(const sockaddr_un& address, PortId port) noexcept {
    port_ = port;
    // The first bytes on a new connection fit into its buffer, unless it has been closed.
    auto sent = ::send(socket_.get(), &address, sizeof address, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == static_cast<ssize_t>(sizeof address);
}

}  // namespace charioteer::vlan
