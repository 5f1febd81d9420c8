#pragma once

#include <vector>

namespace bench {

/// The times of 2000 frames between two plugs of one segment, a millisecond apart, in ms; with a
/// fault `slow` of 50 ms if `slow`, of which the 50 ms are subtracted.
std::vector<double> delay_errors(bool slow);

/// The rate at which frames of 1500 bytes arrive, in Mbit/s, with a fault `rate` of `megabits`.
/// A fifth more than that is sent.
double measured_rate(double megabits);

}  // namespace bench
