#pragma once

#include <stddef.h>
#include <stdint.h>

#include "frames/messages.hpp"

namespace charioteer::agent {

/// Frames to and from the driver over one file descriptor, which is made non-blocking. What was
/// sent is kept until the driver has it: a guest that is suspended loses what is on its way.
class Line {
public:
    /// `fd` stays the caller's.
    void open(int fd);
    int fd() const { return fd_; }

    /// Whatever one frame from the driver may make us say fits while there is this much room.
    static constexpr size_t reserve = 8 * 1024;

    /// For what commands say.
    size_t room() const { return left_of(out_end_ - out_begin_); }
    /// For what the driver is answered: what is kept gives way to it, since the driver's ack may
    /// stand behind questions that have to be answered first.
    size_t answer_room() const { return left_of(out_end_ - out_next_); }
    bool has_outgoing() const { return out_end_ != out_next_ || greeting_begin_ != greeting_end_; }

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
    /// Has a hello sent before all that waits, instead of one that still does.
    void greet(const frames::Hello& hello);

    /// The driver has all frames before this one.
    void acknowledge(uint32_t next);
    /// Sends again what came after `heard`. False when the driver cannot have heard that from here.
    bool rewind(const frames::Progress& heard);
    /// Forgets all that waits and all that was sent; counts from 0.
    void restart();

    /// Writes as much as is taken. False once the line has ended.
    bool flush();
    /// Reads what has come, as far as there is room. False once the line has ended.
    bool fill();
    /// The next frame that came, valid until fill(); Kind::incomplete when there is none.
    frames::Scan next();
    /// Until now only hellos were heard.
    void peer_is_known() { expect_ = frames::Expect::any; }

private:
    /// What may wait or be kept. The buffer is larger, so that what is kept is seldom moved.
    static constexpr size_t window = 256 * 1024;

    static size_t left_of(size_t used) { return used < window ? window - used : 0; }
    unsigned char* make_room(size_t payload);
    void commit(frames::Type type, uint32_t stream, frames::Bytes payload);
    bool forget_oldest();
    /// What was written, 0 when nothing is taken now, or an error.
    long write_some(const unsigned char* bytes, size_t size);

    int fd_ = -1;
    frames::Expect expect_ = frames::Expect::hello;
    uint32_t sequence_ = 0;
    size_t in_begin_ = 0;
    size_t in_end_ = 0;
    size_t out_begin_ = 0;   ///< of the oldest frame that is kept,
    frames::Progress kept_;  ///< which is this one
    size_t out_next_ = 0;    ///< byte to be written
    size_t out_whole_ = 0;   ///< the end of the frame that is being written
    size_t out_end_ = 0;
    size_t greeting_begin_ = 0;
    size_t greeting_end_ = 0;
    unsigned char greeting_[128];
    unsigned char incoming_[2 * frames::max_frame];
    unsigned char outgoing_[2 * window];
};

}  // namespace charioteer::agent
