#include "agent/line.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

/// virtio-serial takes no more than this in one write.
constexpr size_t largest_write = 32 * 1024;

}  // namespace

void Line::open(int fd) {
    fd_ = fd;
    auto flags = sys::fcntl(fd, F_GETFL, 0);
    sys::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    sys::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

unsigned char* Line::make_room(size_t payload) {
    auto needed = frames::header_size + payload;
    if (sizeof outgoing_ - out_end_ < needed) {
        memmove(outgoing_, outgoing_ + out_begin_, out_end_ - out_begin_);
        out_end_ -= out_begin_;
        out_begin_ = 0;
    }
    return outgoing_ + out_end_ + frames::header_size;
}

void Line::commit(frames::Type type, uint32_t stream, frames::Bytes payload) {
    frames::Header header{.type = type, .stream = stream, .sequence = sequence_++};
    std::span<unsigned char, frames::header_size> target(outgoing_ + out_end_, frames::header_size);
    frames::write_header(header, payload, target);
    out_end_ += frames::header_size + payload.size();
}

void Line::put(frames::Type type, uint32_t stream, frames::Bytes payload) {
    auto* target = make_room(payload.size());
    memcpy(target, payload.data(), payload.size());
    commit(type, stream, {target, payload.size()});
}

long Line::put_from(int source, size_t most, frames::Type type, uint32_t stream) {
    auto* target = make_room(most);
    auto got = sys::read(source, target, most);
    if (got > 0) commit(type, stream, {target, static_cast<size_t>(got)});
    return got;
}

bool Line::flush() {
    while (has_outgoing()) {
        auto size = out_end_ - out_begin_;
        auto put =
            sys::write(fd_, outgoing_ + out_begin_, size < largest_write ? size : largest_write);
        if (put == -EAGAIN || put == 0) return true;
        if (put == -EINTR) continue;
        if (put < 0) return false;
        out_begin_ += static_cast<size_t>(put);
    }
    out_begin_ = out_end_ = 0;
    return true;
}

bool Line::fill() {
    memmove(incoming_, incoming_ + in_begin_, in_end_ - in_begin_);
    in_end_ -= in_begin_;
    in_begin_ = 0;
    auto got = sys::read(fd_, incoming_ + in_end_, sizeof incoming_ - in_end_);
    if (got == -EAGAIN || got == -EINTR) return true;
    if (got <= 0) return false;
    in_end_ += static_cast<size_t>(got);
    return true;
}

frames::Scan Line::next() {
    for (;;) {
        auto found = frames::scan({incoming_ + in_begin_, in_end_ - in_begin_}, expect_);
        in_begin_ += found.size;
        if (found.kind != frames::Scan::Kind::noise) return found;
    }
}

}  // namespace charioteer::agent
