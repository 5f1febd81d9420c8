#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "frames/messages.hpp"
#include "io/backoff.hpp"
#include "io/time_source.hpp"

namespace charioteer::channel {

/// The driver's side of the agreement on where to go on after frames may have been lost
/// (docs/shell-protocol.md): makes the hellos that request the agent's position, decides when to
/// repeat one, and which hello is the answer. No I/O here.
class Agreement {
public:
    explicit Agreement(io::TimeSource& time);

    /// The bytes of a hello with the next epoch. `received`: the driver's position in the agent's
    /// frames. `reset`: both directions are to count from 0 again.
    std::string hello(std::uint64_t nonce, bool reset, const frames::Progress& received);

    /// The bytes of a new request. `flushed`: all bytes that were sent before are written.
    std::string request(bool reset, const frames::Progress& received, bool flushed);
    /// The last request again, because it may have been lost.
    std::string repeat(const frames::Progress& received, bool flushed);
    /// Whether it is time to repeat the last request to a silent agent. The pauses double, and
    /// become longer than a slow agent takes to answer, so that it answers the last request at some
    /// time.
    bool repeat_due() const { return time_.now() - requested_at_ >= pause_; }
    /// Starts again with short pauses; the next request completes a frame that was cut off.
    void reset_pauses();
    /// Whether the last request has reset the positions.
    bool resets() const noexcept { return resets_; }

    /// Whether `hello` answers the last hello.
    bool is_answer(const frames::Hello& hello) const noexcept { return hello.epoch == epoch_; }
    /// Takes a hello that is not the answer. When it answers an earlier repetition of the request,
    /// the agent is slow: the answer to the last one is waited for longer.
    void handle_other(const frames::Hello& hello);

private:
    std::string request_bytes(const frames::Progress& received, bool flushed);

    io::TimeSource& time_;
    std::uint32_t epoch_ = 0;        ///< of the last hello
    std::uint32_t first_epoch_ = 0;  ///< of the request that the last one repeats
    bool resets_ = false;
    io::TimePoint began_at_{};      ///< when the request was made first
    io::TimePoint requested_at_{};  ///< when it was made last, or an earlier one was answered
    io::Backoff pauses_;
    io::Duration pause_{};
    std::optional<io::TimePoint> padded_at_;
    bool padding_unsent_ = false;  ///< padding may still wait to be written
};

}  // namespace charioteer::channel
