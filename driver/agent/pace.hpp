#pragma once

#include <stdint.h>

namespace charioteer::agent {

/// How long to rest between two looks, so that looking takes at most a hundredth of a processor
/// however slow the guest is. In microseconds.
class Pace {
public:
    static constexpr uint64_t share = 100;
    static constexpr uint64_t least = 5'000;
    /// Longer would be late; only looks of more than 10 ms then take more than their share.
    static constexpr uint64_t most = 1'000'000;

    /// `spent` is the processor time that the process has used so far.
    explicit Pace(uint64_t spent) : spent_(spent) {}

    /// The rest to take after a look; what resting itself took counts too.
    uint64_t rest(uint64_t spent) {
        auto rest = (spent - spent_) * share;
        spent_ = spent;
        return rest < least ? least : rest > most ? most : rest;
    }

private:
    uint64_t spent_;
};

}  // namespace charioteer::agent
