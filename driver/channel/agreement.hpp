#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "frames/messages.hpp"
#include "io/backoff.hpp"
#include "io/time_source.hpp"

namespace charioteer::channel {

/// The driver's questions how far the agent has heard it, after frames may have been lost: which
/// bytes ask, when they are to be repeated, and which hello is the answer. No I/O here.
class Agreement {
public:
    explicit Agreement(io::TimeSource& time);

    /// The bytes of a hello with the next epoch. `heard`: how far the agent was heard.
    std::string hello(std::uint64_t nonce, bool anew, const frames::Progress& heard);

    /// A new question. `anew`: both directions are to count from 0 again. `flushed`: nothing that
    /// was sent before still waits to be written.
    std::string ask(bool anew, const frames::Progress& heard, bool flushed);
    /// The last question once more, because it may be lost.
    std::string repeat(const frames::Progress& heard, bool flushed);
    /// Whether it is time to repeat the last question to an agent that is silent. The pauses
    /// double, and are longer than an agent's answers take: one that is slow is not outrun.
    bool repeat_due() const { return time_.now() - asked_at_ >= pause_; }
    /// The pauses are short again, and the next question ends a frame that was cut off.
    void reset_pauses();
    /// What the last question asked for.
    bool anew() const noexcept { return anew_; }

    /// Whether `hello` answers the last hello.
    bool is_answer(const frames::Hello& hello) const noexcept { return hello.epoch == epoch_; }
    /// Takes a hello that is no answer. When it answers an earlier repetition of the question, the
    /// answer to the last one follows, for which there is more time then.
    void take_other(const frames::Hello& hello);

private:
    std::string question(const frames::Progress& heard, bool flushed);

    io::TimeSource& time_;
    std::uint32_t epoch_ = 0;        ///< of the last hello
    std::uint32_t first_epoch_ = 0;  ///< of the question that the last one repeats
    bool anew_ = false;
    io::TimePoint began_at_{};  ///< when the question was asked first
    io::TimePoint asked_at_{};  ///< when it was asked last, or an earlier one was answered
    io::Backoff pauses_;
    io::Duration pause_{};
    std::optional<io::TimePoint> padded_at_;
    bool padding_unsent_ = false;  ///< padding may still wait to be written
};

}  // namespace charioteer::channel
