#pragma once

#include <stdint.h>

namespace charioteer::agent {

/// The delay between two checks of a condition, so that checking takes at most a hundredth of a
/// processor however slow the guest is. In microseconds.
class Backoff {
public:
    static constexpr uint64_t share = 100;
    static constexpr uint64_t least = 5'000;
    /// Longer delays would make waits late; only checks of more than 10 ms exceed their share then.
    static constexpr uint64_t most = 1'000'000;

    /// `spent` is the processor time that the process has used so far.
    explicit Backoff(uint64_t spent) : spent_(spent) {}

    /// The delay after a check; processor time used since the last one counts, also for waiting.
    uint64_t next_delay(uint64_t spent) {
        auto delay = (spent - spent_) * share;
        spent_ = spent;
        return delay < least ? least : delay > most ? most : delay;
    }

private:
    uint64_t spent_;
};

}  // namespace charioteer::agent
