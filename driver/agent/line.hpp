#pragma once

#include <stddef.h>
#include <stdint.h>

#include "frames/messages.hpp"

namespace charioteer::agent {

/// The connection to the driver: sends and receives frames over one file descriptor, which is made
/// non-blocking. Sent frames are kept until the driver acknowledges them, because a guest that is
/// suspended loses frames in transit.
class Line {
public:
    /// The caller stays the owner of `fd`.
    void open(int fd);
    int fd() const { return fd_; }

    /// The replies to any one frame of the driver fit into this number of bytes.
    static constexpr size_t reserve = 8 * 1024;

    /// Free buffer space for output of commands, in bytes.
    size_t room() const { return left_of(out_end_ - out_begin_); }
    /// Free buffer space for replies, in bytes. Replies may displace kept frames, because the
    /// driver's ack may arrive after requests that must be answered first.
    size_t answer_room() const { return left_of(out_end_ - out_next_); }
    bool has_outgoing() const { return out_end_ != out_next_ || greeting_begin_ != greeting_end_; }

    /// Queues a frame; the caller must have checked the buffer space.
    void put(frames::Type type, uint32_t stream, frames::Bytes payload);
    template <class Message>
    void put(frames::Type type, uint32_t stream, const Message& message) {
        unsigned char room[64];
        put(type, stream, frames::encode(message, room));
    }
    /// Reads up to `most` bytes from `source` into a frame. Returns their number, 0 at the end, or
    /// a negative errno.
    long put_from(int source, size_t most, frames::Type type, uint32_t stream);
    /// Queues a hello before all other frames, instead of a hello that was not yet sent.
    void greet(const frames::Hello& hello);

    /// Drops the kept frames before number `next`, which the driver has received.
    void acknowledge(uint32_t next);
    /// Resends the frames after `received`. False if those are not kept any more.
    bool rewind(const frames::Progress& received);
    /// Drops all frames that are queued or kept, and numbers frames from 0.
    void restart();

    /// Writes as much as possible without blocking. False after the end of the connection.
    bool flush();
    /// Reads as much as fits into the buffer. False after the end of the connection.
    bool fill();
    /// The next frame, valid until fill(); Kind::incomplete when there is none.
    frames::Scan next();
    /// From now on frames other than hellos are accepted.
    void accept_all() { expect_ = frames::Expect::any; }

private:
    /// Bytes that may be queued or kept. The buffer is larger, so that they are seldom moved.
    static constexpr size_t window = 256 * 1024;

    static size_t left_of(size_t used) { return used < window ? window - used : 0; }
    unsigned char* make_room(size_t payload);
    void commit(frames::Type type, uint32_t stream, frames::Bytes payload);
    bool forget_oldest();
    /// The number of bytes written, 0 if writing would block, or a negative errno.
    long write_some(const unsigned char* bytes, size_t size);

    int fd_ = -1;
    frames::Expect expect_ = frames::Expect::hello;
    uint32_t sequence_ = 0;
    size_t in_begin_ = 0;
    size_t in_end_ = 0;
    size_t out_begin_ = 0;   ///< of the oldest frame that is kept
    frames::Progress kept_;  ///< before that frame
    size_t out_next_ = 0;    ///< next byte to write
    size_t out_whole_ = 0;   ///< the end of the frame that is being written
    size_t out_end_ = 0;
    size_t greeting_begin_ = 0;
    size_t greeting_end_ = 0;
    unsigned char greeting_[128];
    unsigned char incoming_[2 * frames::max_frame];
    unsigned char outgoing_[2 * window];
};

}  // namespace charioteer::agent
