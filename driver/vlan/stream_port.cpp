#include "vlan/stream_port.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace charioteer::vlan {

namespace {

constexpr std::size_t max_pieces = 128;

/// Sends without waiting; the bytes that the socket took, or -1 with errno.
ssize_t send_now(int socket, iovec* pieces, std::size_t count) {
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    ssize_t sent;
    do sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent;
}

iovec piece_of(Bytes bytes) {
    // The kernel only reads from it.
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

StreamPort::StreamPort(io::UniqueFd socket, LiveCounters& counters)
    : Port(std::move(socket), counters) {
    pieces_.reserve(max_pieces);
}

Port::Link StreamPort::receive(std::vector<Frame>& frames) {
    auto room = decoder_.room();
    auto length = ::recv(socket(), room.data(), room.size(), MSG_DONTWAIT);
    if (length == 0) return Link::down;
    if (length < 0) return errno == EAGAIN || errno == EINTR ? Link::up : Link::down;
    decoder_.received(static_cast<std::size_t>(length));
    if (decoder_.decode(frames) == StreamDecoder::Health::good) return Link::up;
    count(Count::dropped_oversized, 1);
    return Link::broken;
}

void StreamPort::stage(Frame frame) {
    if (pieces_.size() == max_pieces) flush();
    auto bytes = frame.with_length();
    ++staged_frames_;
    if (!pieces_.empty()) {
        auto& last = pieces_.back();
        if (static_cast<std::byte*>(last.iov_base) + last.iov_len == bytes.data()) {
            last.iov_len += bytes.size();
            return;
        }
    }
    pieces_.push_back(piece_of(bytes));
}

void StreamPort::flush() {
    if (pieces_.empty()) return;
    // Behind a backlog everything queues up, to keep the order, without asking the kernel again.
    if (has_backlog()) {
        enqueue_after(0);
    } else {
        auto sent = send_now(socket(), pieces_.data(), pieces_.size());
        std::size_t total = 0;
        for (const auto& piece : pieces_) total += piece.iov_len;
        if (sent < 0 && errno != EAGAIN)
            count(Count::dropped_gone, staged_frames_);
        else if (sent == static_cast<ssize_t>(total))
            count(Count::delivered, staged_frames_);
        else
            enqueue_after(sent < 0 ? 0 : static_cast<std::size_t>(sent));
    }
    pieces_.clear();
    staged_frames_ = 0;
}

/// Queues what of the staged frames lies behind the first `sent` bytes.
void StreamPort::enqueue_after(std::size_t sent) {
    for (const auto& piece : pieces_) {
        auto* at = static_cast<const std::byte*>(piece.iov_base);
        auto* end = at + piece.iov_len;
        while (at != end) {
            Frame frame{at + length_size, read_length(at)};
            auto bytes = frame.with_length();
            at += bytes.size();
            if (sent >= bytes.size()) {
                count(Count::delivered, 1);
                sent -= bytes.size();
            } else if (sent > 0) {
                // The head of this frame is on its way: the rest must follow. The queue is empty
                // then and has room for it.
                queue().append(bytes.subspan(sent));
                count(Count::delivered, 1);
                sent = 0;
            } else {
                enqueue(frame);
            }
        }
    }
}

void StreamPort::drain() {
    while (has_backlog()) {
        auto [first, second] = queue().view(0, queue().size());
        iovec pieces[2] = {piece_of(first), piece_of(second)};
        auto sent = send_now(socket(), pieces, second.empty() ? 1 : 2);
        if (sent < 0) {
            // A plug that is gone is removed by receive(); until then nothing is kept for it.
            if (errno != EAGAIN) queue().consume(queue().size());
            return;
        }
        queue().consume(static_cast<std::size_t>(sent));
    }
}

}  // namespace charioteer::vlan
