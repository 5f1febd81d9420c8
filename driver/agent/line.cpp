#include "agent/line.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

/// The largest size of one write to virtio-serial.
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
    while (room() < needed && forget_oldest()) continue;
    if (sizeof outgoing_ - out_end_ < needed) {
        memmove(outgoing_, outgoing_ + out_begin_, out_end_ - out_begin_);
        out_next_ -= out_begin_;
        out_whole_ -= out_begin_;
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

void Line::greet(const frames::Hello& hello) {
    unsigned char room[64];
    auto payload = frames::encode(hello, room);
    std::span<unsigned char, frames::header_size> target(greeting_, frames::header_size);
    frames::write_header({.type = frames::Type::hello}, payload, target);
    memcpy(greeting_ + frames::header_size, payload.data(), payload.size());
    greeting_begin_ = 0;
    greeting_end_ = frames::header_size + payload.size();
}

/// Drops the oldest kept frame, but not the frame that is being written.
bool Line::forget_oldest() {
    if (out_begin_ == out_end_) return false;
    const auto* header = outgoing_ + out_begin_;
    auto size = frames::frame_size(header);
    if (out_begin_ + size > out_next_) return false;
    kept_.pass(header);
    out_begin_ += size;
    return true;
}

void Line::acknowledge(uint32_t next) {
    // Otherwise it is not the number of a kept frame, but from before restart().
    if (next - kept_.next > sequence_ - kept_.next) return;
    while (kept_.next != next && forget_oldest()) continue;
}

bool Line::rewind(const frames::Progress& received) {
    auto at = out_begin_;
    auto progress = kept_;
    while (progress != received) {
        if (at == out_end_) return false;
        progress.pass(outgoing_ + at);
        at += frames::frame_size(outgoing_ + at);
    }
    out_next_ = out_whole_ = at;
    return true;
}

void Line::restart() {
    out_begin_ = out_next_ = out_whole_ = out_end_ = 0;
    kept_ = {};
    sequence_ = 0;
}

long Line::write_some(const unsigned char* bytes, size_t size) {
    for (;;) {
        auto put = sys::write(fd_, bytes, size < largest_write ? size : largest_write);
        if (put == -EINTR) continue;
        return put == -EAGAIN ? 0 : put;
    }
}

bool Line::flush() {
    while (has_outgoing()) {
        bool greets = greeting_begin_ != greeting_end_;
        long put = 0;
        if (greets && out_next_ == out_whole_) {
            put = write_some(greeting_ + greeting_begin_, greeting_end_ - greeting_begin_);
            if (put > 0) greeting_begin_ += static_cast<size_t>(put);
        } else {
            put = write_some(outgoing_ + out_next_, (greets ? out_whole_ : out_end_) - out_next_);
            if (put > 0) out_next_ += static_cast<size_t>(put);
            while (out_whole_ < out_next_) out_whole_ += frames::frame_size(outgoing_ + out_whole_);
        }
        if (put <= 0) return put == 0;
    }
    return true;
}

bool Line::fill() {
    // Moved only when a frame might not fit behind the bytes that were handled.
    if (in_begin_ == in_end_ || in_begin_ > sizeof incoming_ - frames::max_frame) {
        memmove(incoming_, incoming_ + in_begin_, in_end_ - in_begin_);
        in_end_ -= in_begin_;
        in_begin_ = 0;
    }
    // virtio-serial returns 4 KiB at most, so that several reads may be needed.
    auto before = in_end_;
    while (in_end_ < sizeof incoming_) {
        auto got = sys::read(fd_, incoming_ + in_end_, sizeof incoming_ - in_end_);
        if (got == -EAGAIN || got == -EINTR) break;
        // The end is reported again after the bytes before it were handled.
        if (got <= 0) return in_end_ > before;
        in_end_ += static_cast<size_t>(got);
    }
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
