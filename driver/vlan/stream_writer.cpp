#include "vlan/stream_writer.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "vlan/sockets.hpp"

namespace charioteer::vlan {

namespace {

constexpr std::size_t max_pieces = 128;

/// Sends without blocking; the number of bytes sent, or -1 with errno. SIGPIPE of a pipe is blocked
/// on the segment's thread.
ssize_t send_now(int descriptor, bool is_socket, iovec* pieces, std::size_t count) {
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    ssize_t sent;
    do
        sent = is_socket ? ::sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT)
                         : ::writev(descriptor, pieces, static_cast<int>(count));
    while (sent < 0 && errno == EINTR);
    return sent;
}

iovec piece_of(Bytes bytes) {
    // The kernel only reads from it.
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

/// The arguments of one sendmsg call.
struct Outgoing {
    std::array<iovec, max_pieces> pieces;
    std::size_t count = 0;
    std::size_t size = 0;  ///< bytes of all pieces

    /// Appends `bytes`; extends the last piece if they follow it in memory. False if there are
    /// max_pieces already.
    bool add(Bytes bytes) {
        auto* last = count == 0 ? nullptr : &pieces[count - 1];
        if (last != nullptr &&
            static_cast<std::byte*>(last->iov_base) + last->iov_len == bytes.data())
            last->iov_len += bytes.size();
        else if (count < max_pieces)
            pieces[count++] = piece_of(bytes);
        else
            return false;
        size += bytes.size();
        return true;
    }
};

}  // namespace

StreamWriter::StreamWriter(io::UniqueFd input, io::UniqueFd output, LiveCounters& counters)
    : Port(std::move(input), counters),
      output_(std::move(output)),
      reads_socket_(is_socket(socket())),
      writes_socket_(output_ ? is_socket(output_.get()) : reads_socket_) {}

ssize_t StreamWriter::receive_into(std::span<std::byte> room) noexcept {
    return reads_socket_ ? ::recv(socket(), room.data(), room.size(), MSG_DONTWAIT)
                         : ::read(socket(), room.data(), room.size());
}

void StreamWriter::send(std::span<const Frame> frames) {
    // After queued frames, further ones are queued too, to keep the order, without a system call.
    while (!frames.empty() && !has_backlog()) {
        Outgoing outgoing;
        std::size_t number = 0;
        while (number < frames.size() && outgoing.add(frames[number].with_length())) ++number;
        auto sent = send_now(output(), writes_socket_, outgoing.pieces.data(), outgoing.count);
        if (sent < 0 && errno != EAGAIN)
            count(Count::dropped_gone, number);
        else if (sent == static_cast<ssize_t>(outgoing.size))
            count(Count::delivered, number);
        else
            enqueue_after(frames.first(number), sent < 0 ? 0 : static_cast<std::size_t>(sent));
        frames = frames.subspan(number);
    }
    for (auto frame : frames) enqueue(frame);
}

/// Queues the part of `frames` after the first `sent` bytes, which have been sent.
void StreamWriter::enqueue_after(std::span<const Frame> frames, std::size_t sent) {
    for (auto frame : frames) {
        auto bytes = frame.with_length();
        if (sent >= bytes.size()) {
            count(Count::delivered, 1);
            sent -= bytes.size();
        } else if (sent > 0) {
            // The begin of this frame has been sent, so the rest must follow. It fits, because the
            // queue is empty here.
            queue().append(bytes.subspan(sent));
            count(Count::delivered, 1);
            sent = 0;
        } else {
            enqueue(frame);
        }
    }
}

void StreamWriter::drain() {
    while (has_backlog()) {
        auto [first, second] = queue().view(0, queue().size());
        iovec pieces[2] = {piece_of(first), piece_of(second)};
        auto sent = send_now(output(), writes_socket_, pieces, second.empty() ? 1 : 2);
        if (sent < 0) {
            // A disconnected plug is removed by receive(); until then frames for it are dropped.
            if (errno != EAGAIN) queue().consume(queue().size());
            return;
        }
        queue().consume(static_cast<std::size_t>(sent));
    }
}

}  // namespace charioteer::vlan
