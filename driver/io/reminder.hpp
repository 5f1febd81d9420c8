#pragma once

#include <algorithm>
#include <chrono>

#include "io/deadline.hpp"

namespace charioteer::io {

/// When to report again that something still lasts: after `first`, then each time when it has
/// lasted twice as long, and every ten minutes at least.
class Reminder {
public:
    explicit Reminder(Duration first) : first_(first), next_(first) {}

    /// How long it will have lasted when the next report is due.
    Duration next() const noexcept { return next_; }
    /// Whether a report is due; `lasted` is how long it has gone on.
    bool due(Duration lasted) {
        if (lasted < next_) return false;
        next_ = lasted + std::min<Duration>(lasted, std::chrono::minutes(10));
        return true;
    }
    /// It is over.
    void reset() { next_ = first_; }

private:
    Duration first_;
    Duration next_;
};

}  // namespace charioteer::io
