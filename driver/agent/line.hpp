#pragma once

#include <stddef.h>
#include <stdint.h>

#include "frames/messages.hpp"

namespace charioteer::agent {

/// Frames to and from the driver over one file descriptor, which is made non-blocking.
class Line {
public:
    /// `fd` stays the caller's.
    void open(int fd);
    int fd() const { return fd_; }

    /// Whatever one frame from the driver may make us say fits while there is this much room.
    static constexpr size_t reserve = 8 * 1024;

    size_t room() const { return sizeof outgoing_ - (out_end_ - out_begin_); }
    bool has_outgoing() const { return out_end_ != out_begin_; }

    /// Queues a frame; the caller has looked for room.
    void put(frames::Type type, uint32_t stream, frames::Bytes payload);
    template <class Message>
    void put(frames::Type type, uint32_t stream, const Message& message) {
        unsigned char room[64];
        put(type, stream, frames::encode(message, room));
    }
    /// Reads up to `most` bytes from `source` straight into a frame. What the kernel said: the
    /// number of bytes, 0 at the end, or an error.
    long put_from(int source, size_t most, frames::Type type, uint32_t stream);

    /// Writes as much as is taken. False once the line has ended.
    bool flush();
    /// Reads what has come. False once the line has ended.
    bool fill();
    /// The next frame that came, valid until fill(); Kind::incomplete when there is none.
    frames::Scan next();
    /// Until now only hellos were heard.
    void peer_is_known() { expect_ = frames::Expect::any; }

private:
    unsigned char* make_room(size_t payload);
    void commit(frames::Type type, uint32_t stream, frames::Bytes payload);

    int fd_ = -1;
    frames::Expect expect_ = frames::Expect::hello;
    uint32_t sequence_ = 0;
    size_t in_begin_ = 0;
    size_t in_end_ = 0;
    size_t out_begin_ = 0;
    size_t out_end_ = 0;
    unsigned char incoming_[2 * frames::max_frame];
    unsigned char outgoing_[256 * 1024];
};

}  // namespace charioteer::agent
