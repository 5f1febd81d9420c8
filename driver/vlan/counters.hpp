#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace charioteer::vlan {

/// The counters of a segment, in frames, except `received_bytes`.
enum class Count : std::size_t {
    received,           ///< valid frames received from plugs
    delivered,          ///< copies sent to a plug or put into its queue
    dropped_slow_port,  ///< copies dropped because the queue of a plug that does not read was full
    dropped_gone,       ///< copies dropped because the plug had disconnected
    dropped_oversized,  ///< frames longer than max_frame_size
    dropped_malformed,  ///< frames shorter than an Ethernet header
    received_bytes,     ///< the bytes of the frames that are counted by `received`
};
inline constexpr std::size_t count_kinds = 7;

/// A snapshot of the counters of one segment.
struct Counters {
    std::array<std::uint64_t, count_kinds> values{};

    std::uint64_t operator[](Count kind) const { return values[static_cast<std::size_t>(kind)]; }
    /// Names as in `Count`, in its order.
    std::vector<std::pair<std::string, std::uint64_t>> named() const;
};

/// Running counters, one for each of the `kinds` values of the enumeration `Kind`: written by the
/// segment's thread only, read by any thread.
template <class Kind, std::size_t kinds>
class RunningCounts {
public:
    void add(Kind kind, std::uint64_t number) noexcept {
        // There is one writer, so no atomic addition is needed.
        auto& value = values_[static_cast<std::size_t>(kind)];
        value.store(value.load(std::memory_order_relaxed) + number, std::memory_order_relaxed);
    }
    std::uint64_t operator[](Kind kind) const noexcept {
        return values_[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
    }

private:
    std::array<std::atomic<std::uint64_t>, kinds> values_{};
};

/// The running counters of a segment.
class LiveCounters : public RunningCounts<Count, count_kinds> {
public:
    Counters snapshot() const noexcept;
};

}  // namespace charioteer::vlan
