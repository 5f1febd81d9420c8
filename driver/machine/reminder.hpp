#pragma once

#include <algorithm>
#include <chrono>

#include "io/time_source.hpp"

namespace charioteer::machine {

/// When to say again that something still lasts: after `first`, then each time when it has lasted
/// twice as long, and every ten minutes at least.
class Reminder {
public:
    explicit Reminder(io::Duration first) : first_(first), next_(first) {}

    /// `lasted` is how long it has gone on.
    bool due(io::Duration lasted) {
        if (lasted < next_) return false;
        next_ = lasted + std::min<io::Duration>(lasted, std::chrono::minutes(10));
        return true;
    }
    /// It is over.
    void reset() { next_ = first_; }

private:
    io::Duration first_;
    io::Duration next_;
};

}  // namespace charioteer::machine
