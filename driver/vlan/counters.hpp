#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace charioteer::vlan {

/// What a segment counts, in frames.
enum class Count : std::size_t {
    received,           ///< came in from a plug and were well-formed
    delivered,          ///< copies handed to a plug or put into its queue
    dropped_slow_port,  ///< copies lost because the plug did not read and its queue was full
    dropped_gone,       ///< copies lost because the plug had gone
    dropped_oversized,  ///< longer than any plug can take
    dropped_malformed,  ///< shorter than an Ethernet header
};
inline constexpr std::size_t count_kinds = 6;

/// A snapshot of the counts of one segment.
struct Counters {
    std::array<std::uint64_t, count_kinds> values{};

    std::uint64_t operator[](Count kind) const { return values[static_cast<std::size_t>(kind)]; }
    /// Names as in `Count`, in its order.
    std::vector<std::pair<std::string, std::uint64_t>> named() const;
};

/// The counts while they move: written by the segment's thread alone, read by any.
class LiveCounters {
public:
    void add(Count kind, std::uint64_t frames) noexcept {
        // One writer: a plain add is enough, and cheaper than an atomic one.
        auto& value = values_[static_cast<std::size_t>(kind)];
        value.store(value.load(std::memory_order_relaxed) + frames, std::memory_order_relaxed);
    }
    Counters snapshot() const noexcept;

private:
    std::array<std::atomic<std::uint64_t>, count_kinds> values_{};
};

}  // namespace charioteer::vlan
