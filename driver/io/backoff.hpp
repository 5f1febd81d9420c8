#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "io/deadline.hpp"

namespace charioteer::io {

/// Exponential backoff: pauses of `first`, twice that, and so on up to `longest`.
class Backoff {
public:
    Backoff(Duration first, Duration longest) : first_(first), longest_(longest), next_(first) {}

    /// The pause before the next try.
    Duration next() { return std::exchange(next_, std::min(2 * next_, longest_)); }
    /// Restarts with the first pause.
    void reset() { next_ = first_; }

private:
    Duration first_;
    Duration longest_;
    Duration next_;
};

/// The pause before the next try of a command that takes time itself: it grows with `waited`, the
/// time since the first try, and is at least half of `last_try`, the duration of the last try, so
/// that a slow guest is not always busy with tries. 20 ms to 1 s.
inline Duration pause_between_tries(Duration waited, Duration last_try) {
    using namespace std::chrono_literals;
    return std::clamp<Duration>(std::max(waited / 32, last_try / 2), 20ms, 1000ms);
}

}  // namespace charioteer::io
