#pragma once

#include <stdint.h>

#include "agent/command.hpp"
#include "agent/line.hpp"

namespace charioteer::agent {

/// Runs the commands that the driver sends, in one thread and one event loop. Too large for the
/// stack.
class Agent {
public:
    /// Serves the connection until its end. With `finishes`, SIGTERM ends the agent only when it
    /// has answered its commands. Returns the exit status.
    int run(int fd, uint64_t nonce, const Inheritance& inheritance, bool finishes = false);

private:
    /// Above these limits a command is rejected. Answered commands are those whose exit was sent
    /// and whose standard error is still open in a background process; a test may start many
    /// daemons.
    static constexpr int most_running = 1000;
    static constexpr int most_answered = 3000;
    /// The kernel accepts arguments of 128 KiB at most, and reports its own error for longer ones.
    static constexpr size_t most_text = 192 * 1024;

    void send_hello(uint32_t epoch, uint32_t flags);
    bool turn();
    bool is_done();
    bool handle_frames();
    bool take(const frames::Scan& found);
    void handle_request(const frames::Header& header, frames::Bytes payload);
    void handle_for_command(const frames::Header& header, frames::Bytes payload);
    bool handle_hello(frames::Bytes payload);
    void reset();
    void handle_text(uint32_t stream, frames::Bytes payload);
    void start(uint32_t stream, frames::Bytes payload);
    void refuse(uint32_t stream, const char* why);
    bool has_room() const;
    Command* find(uint32_t stream);
    void append(Command* command);
    void rotate();
    void sweep();
    void release(Command* command);
    void release_all();
    void drain_signals(int entry);

    Inheritance inheritance_;
    uint64_t nonce_ = 0;
    bool greeted_ = false;
    frames::Progress received_;  ///< of the driver's frames
    size_t not_acked_ = 0;       ///< bytes of frames taken since the last ack
    bool frames_lost_ = false;   ///< until the next hello all frames are ignored
    int signals_ = -1;
    bool terminated_ = false;  ///< SIGTERM has come
    uint64_t leave_at_ = 0;    ///< when it ends then, of sys::now(), unless a command comes
    Command* commands_ = nullptr;
    uint32_t text_stream_ = 0;  ///< of the command whose text is being received; 0 is none
    size_t text_size_ = 0;
    char text_[most_text + 1];
    Polls polls_;
    Line line_;
};

}  // namespace charioteer::agent
