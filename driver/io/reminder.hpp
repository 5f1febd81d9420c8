#pragma once

#include <algorithm>
#include <chrono>

#include "io/deadline.hpp"

namespace charioteer::io {

/// The times at which a long operation is reported again: after `first`, then each time its
/// duration has doubled, but at least every ten minutes.
class Reminder {
public:
    explicit Reminder(Duration first) : first_(first), next_(first) {}

    /// The duration of the operation at the next report.
    Duration next() const noexcept { return next_; }
    /// Whether a report is due; `lasted` is the duration of the operation so far.
    bool due(Duration lasted) {
        if (lasted < next_) return false;
        next_ = lasted + std::min<Duration>(lasted, std::chrono::minutes(10));
        return true;
    }
    /// Starts again with `first`, for the next operation.
    void reset() { next_ = first_; }

private:
    Duration first_;
    Duration next_;
};

}  // namespace charioteer::io
