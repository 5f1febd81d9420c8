#pragma once

#include <chrono>

namespace charioteer::vlan::capture {

/// One moment by two clocks.
struct Moment {
    std::chrono::nanoseconds steady{};
    std::chrono::nanoseconds wall{};
};

/// The present moment by the clocks `steady` and `wall`, functions that return nanoseconds.
///
/// A pause of this thread between two readings would shift all times that are computed from the
/// moment, so it reads again until there is hardly any; of `most_readings` the best one counts.
template <class Steady, class Wall>
Moment moment_of(Steady steady, Wall wall) {
    constexpr auto short_pause = std::chrono::microseconds(100);
    constexpr int most_readings = 100;
    Moment best;
    auto shortest = std::chrono::nanoseconds::max();
    for (int reading = 0; reading < most_readings && shortest >= short_pause; ++reading) {
        Moment moment;
        moment.steady = steady();
        moment.wall = wall();
        auto pause = steady() - moment.steady;
        if (pause >= shortest) continue;
        shortest = pause;
        best = moment;
    }
    return best;
}

}  // namespace charioteer::vlan::capture
