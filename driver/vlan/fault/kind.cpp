#include "vlan/fault/kind.hpp"

#include <algorithm>

#include "vlan/frame.hpp"

namespace charioteer::vlan::fault {

namespace {

using Action = Fate::Action;

Duration from_seconds(double seconds) noexcept {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Duration time_of(const Rate& rate, std::size_t size) noexcept {
    return from_seconds(static_cast<double>(size) * 8 / rate.bits_per_second);
}

/// Decides by the kind of the fault.
struct Decision {
    LinkState& link;
    std::size_t size;
    TimePoint now;

    Fate operator()(const Cut& /*cut*/) const noexcept { return {Action::drop}; }

    Fate operator()(const Lose& lose) const noexcept {
        auto probability = lose.probability;
        if (link.lost_before) {
            probability *= 1 - lose.correlation;
            if (*link.lost_before) probability += lose.correlation;
        }
        link.lost_before = link.random.chance(probability);
        return {*link.lost_before ? Action::drop : Action::pass};
    }

    Fate operator()(const Slow& slow) const noexcept {
        auto jitter = (2 * link.random.fraction() - 1) * io::seconds(slow.jitter);
        auto due = now + std::max(slow.delay + from_seconds(jitter), Duration::zero());
        link.last_due = std::max(link.last_due, due);
        return {Action::delay, link.last_due};
    }

    Fate operator()(const Duplicate& duplicate) const noexcept {
        Fate fate;
        fate.is_duplicated = link.random.chance(duplicate.probability);
        return fate;
    }

    Fate operator()(const Reorder& reorder) const noexcept {
        if (!link.random.chance(reorder.probability)) return {};
        return {Action::delay, now + reorder.delay};
    }

    Fate operator()(const Corrupt& corrupt) const noexcept {
        Fate fate;
        bool is_corrupted = link.random.chance(corrupt.probability);
        auto place = link.random.fraction();
        auto bits = 8 * (size - std::min(size, ethernet_header_size));
        if (is_corrupted && bits > 0)
            fate.inverted_bit = 8 * ethernet_header_size +
                                static_cast<std::size_t>(place * static_cast<double>(bits));
        return fate;
    }

    Fate operator()(const Rate& rate) const noexcept {
        auto begin = std::max(link.busy_until, now);
        if (begin - now > rate_queue(rate)) return {Action::overflow};
        link.busy_until = begin + time_of(rate, size);
        return {Action::delay, link.busy_until};
    }

    Fate operator()(const Hold& /*hold*/) const noexcept { return {Action::hold}; }
};

}  // namespace

Duration rate_queue(const Rate& rate) noexcept {
    constexpr Duration shortest = std::chrono::milliseconds(200);
    constexpr std::size_t smallest = 16 * 1024;
    return std::max(shortest, time_of(rate, smallest));
}

Fate decide(const Kind& kind, LinkState& link, std::size_t size, TimePoint now) noexcept {
    return std::visit(Decision{link, size, now}, kind);
}

}  // namespace charioteer::vlan::fault
