#pragma once

#include <stddef.h>
#include <stdint.h>

#include "frames/messages.hpp"

namespace charioteer::agent {

/// Frames to and from the driver over one file descriptor, which is made non-blocking. Frames are
/// kept until the driver acknowledges them, since a guest that is suspended loses those under way.
class Line {
public:
    /// `fd` stays the caller's to close.
    void open(int fd);
    int fd() const { return fd_; }

    /// The answers to any one frame of the driver fit into this many bytes.
    static constexpr size_t reserve = 8 * 1024;

    /// Bytes free for output of commands.
    size_t room() const { return left_of(out_end_ - out_begin_); }
    /// Bytes free for answers: frames that are kept are dropped for them, since the driver's ack
    /// may come after requests that have to be answered first.
    size_t answer_room() const { return left_of(out_end_ - out_next_); }
    bool has_outgoing() const { return out_end_ != out_next_ || greeting_begin_ != greeting_end_; }

    /// Queues a frame; the caller has checked the room.
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

    /// The driver has received all frames before number `next`.
    void acknowledge(uint32_t next);
    /// Sends again the frames after `received`. False when those are not kept any more.
    bool rewind(const frames::Progress& received);
    /// Drops all frames that are queued or kept, and numbers frames from 0.
    void restart();

    /// Writes as much as the line accepts. False once the line has ended.
    bool flush();
    /// Reads as much as there is room for. False once the line has ended.
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
    /// The number of bytes written, 0 when the line accepts none now, or a negative errno.
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
