#pragma once

#include <cstddef>
#include <optional>
#include <variant>

#include "io/deadline.hpp"
#include "vlan/fault/random.hpp"

namespace charioteer::vlan::fault {

using io::Duration;
using io::TimePoint;

/// Every frame is lost: a cut link.
struct Cut {};

/// Frames are lost with `probability`, 0 to 1. With a `correlation` above 0, losses come in groups:
/// a Markov chain with two states, whose average is the probability and whose correlation of
/// successive frames is the correlation. (netem filters its random numbers instead, which makes
/// extreme ones rare: 20 % with a correlation of 75 % lose less than 1 % there.)
struct Lose {
    double probability = 0;
    double correlation = 0;  ///< 0 to less than 1
};

/// Frames are delivered `delay` later, give or take a random part of `jitter`, in their order.
struct Slow {
    Duration delay{};
    Duration jitter{};
};

/// Frames are delivered twice with `probability`.
struct Duplicate {
    double probability = 0;
};

/// Frames are delivered `delay` later with `probability`, so that later ones overtake them.
struct Reorder {
    double probability = 0;
    Duration delay{};
};

/// One bit after the Ethernet header is inverted with `probability`.
struct Corrupt {
    double probability = 0;
};

/// Frames pass one after the other at this rate, counted without preamble and checksum. What would
/// wait longer than rate_queue() is dropped.
struct Rate {
    double bits_per_second = 0;
};

/// Frames are kept until the fault is removed.
struct Hold {};

using Kind = std::variant<Cut, Lose, Slow, Duplicate, Reorder, Corrupt, Rate, Hold>;

/// How long the queue of `rate` may be: 200 ms, and at least the time of 16 KiB.
Duration rate_queue(const Rate& rate) noexcept;

/// What a fault remembers of one link.
struct LinkState {
    explicit LinkState(std::uint64_t seed) noexcept : random(seed) {}

    Random random;
    std::optional<bool> lost_before;  ///< of Lose: the fate of the last frame
    TimePoint last_due{};             ///< of Slow: when the last frame is delivered
    TimePoint busy_until{};           ///< of Rate: when the last frame has passed
    std::size_t queued_bytes = 0;     ///< of the frames that wait here
};

/// What becomes of one frame.
struct Fate {
    enum class Action {
        pass,
        drop,
        overflow,  ///< drop because the queue is full
        delay,     ///< deliver at `due`
        hold,      ///< keep until the fault is removed
    };
    Action action = Action::pass;
    TimePoint due{};
    bool is_duplicated = false;
    std::optional<std::size_t> inverted_bit =
        std::nullopt;  ///< counted from the first bit of the frame
};

/// Decides on the next frame of a link, of `size` bytes, which comes at `now`. No I/O.
Fate decide(const Kind& kind, LinkState& link, std::size_t size, TimePoint now) noexcept;

}  // namespace charioteer::vlan::fault
