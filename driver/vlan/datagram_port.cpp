#include "vlan/datagram_port.hpp"

#include <algorithm>
#include <cerrno>

namespace charioteer::vlan {

namespace {

/// The arguments of one sendmmsg call. Each message may consist of two pieces.
struct Outgoing {
    std::array<iovec, 2 * datagram_batch> pieces;
    std::array<mmsghdr, datagram_batch> messages;
    std::size_t count = 0;

    void add(Bytes first, Bytes second = {}) {
        auto* piece = &pieces[2 * count];
        // The kernel only reads from them.
        piece[0] = {const_cast<std::byte*>(first.data()), first.size()};
        piece[1] = {const_cast<std::byte*>(second.data()), second.size()};
        messages[count] = {};
        messages[count].msg_hdr.msg_iov = piece;
        messages[count].msg_hdr.msg_iovlen = second.empty() ? 1 : 2;
        ++count;
    }
};

struct Sent {
    std::size_t messages = 0;
    int failure = 0;  ///< why the next one was not sent; 0 when all were
};

Sent send_now(int socket, Outgoing& outgoing) {
    Sent sent;
    while (sent.messages < outgoing.count) {
        auto rest = static_cast<unsigned>(outgoing.count - sent.messages);
        int number = ::sendmmsg(socket, outgoing.messages.data() + sent.messages, rest,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
        if (number < 0 && errno == EINTR) continue;
        if (number < 0) {
            sent.failure = errno;
            break;
        }
        sent.messages += static_cast<std::size_t>(number);
    }
    return sent;
}

bool is_full(int failure) {
    return failure == EAGAIN || failure == ENOBUFS || failure == ENOMEM;
}

}  // namespace

DatagramBuffers::DatagramBuffers() {
    for (std::size_t i = 0; i < datagram_batch; ++i) {
        pieces_[i] = {storage_.get() + i * stride + length_size, max_frame_size};
        messages_[i].msg_hdr.msg_iov = &pieces_[i];
        messages_[i].msg_hdr.msg_iovlen = 1;
    }
}

int DatagramBuffers::receive(int socket) noexcept {
    return ::recvmmsg(socket, messages_.data(), datagram_batch, MSG_DONTWAIT, nullptr);
}

std::optional<Frame> DatagramBuffers::frame(std::size_t index) const noexcept {
    const auto& message = messages_[index];
    if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) return std::nullopt;
    auto* data = static_cast<std::byte*>(pieces_[index].iov_base);
    write_length(data - length_size, message.msg_len);
    return Frame{data, message.msg_len};
}

DatagramPort::DatagramPort(io::UniqueFd socket, LiveCounters& counters, DatagramBuffers& buffers)
    : Port(std::move(socket), counters), buffers_(buffers) {}

Port::Link DatagramPort::receive(std::vector<Frame>& frames) {
    int number = buffers_.receive(socket());
    for (int i = 0; i < number; ++i) {
        auto frame = buffers_.frame(static_cast<std::size_t>(i));
        if (frame)
            frames.push_back(*frame);
        else
            count(Count::dropped_oversized, 1);
    }
    return Link::up;
}

void DatagramPort::send(std::span<const Frame> frames) {
    // After queued frames, further ones are queued too, to keep the order, without a system call.
    while (!frames.empty() && !has_backlog()) {
        Outgoing outgoing;
        for (auto frame : frames.first(std::min(frames.size(), datagram_batch)))
            outgoing.add(frame.bytes());
        auto sent = send_now(socket(), outgoing);
        count(Count::delivered, sent.messages);
        frames = frames.subspan(sent.messages);
        if (sent.failure == 0) continue;
        if (is_full(sent.failure)) {
            enqueue(frames.front());
            frames = frames.subspan(1);
        } else if (sent.failure == EMSGSIZE) {
            count(Count::dropped_oversized, 1);
            frames = frames.subspan(1);
        } else {
            count(Count::dropped_gone, frames.size());
            return;
        }
    }
    for (auto frame : frames) enqueue(frame);
}

void DatagramPort::drain() {
    while (has_backlog()) {
        Outgoing outgoing;
        std::array<std::size_t, datagram_batch> ends;  // of each message in the queue
        std::size_t offset = 0;
        while (offset < queue().size() && outgoing.count < datagram_batch) {
            std::array<std::byte, length_size> prefix;
            auto [head, tail] = queue().view(offset, length_size);
            std::copy(tail.begin(), tail.end(),
                      std::copy(head.begin(), head.end(), prefix.begin()));
            auto length = read_length(prefix.data());
            auto [first, second] = queue().view(offset + length_size, length);
            outgoing.add(first, second);
            offset += length_size + length;
            ends[outgoing.count - 1] = offset;
        }
        auto sent = send_now(socket(), outgoing);
        if (sent.messages > 0) queue().consume(ends[sent.messages - 1]);
        if (is_full(sent.failure)) return;
        // A disconnected plug is removed when its control connection ends; until then frames for it
        // are dropped.
        if (sent.failure != 0) queue().consume(queue().size());
    }
}

}  // namespace charioteer::vlan
