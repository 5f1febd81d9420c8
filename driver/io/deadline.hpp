#pragma once

#include <chrono>
#include <optional>

namespace charioteer::io {

using Duration = std::chrono::steady_clock::duration;
using TimePoint = std::chrono::steady_clock::time_point;

/// The moment at which a wait ends, passed down unchanged through all layers, so that ten steps
/// cannot take ten timeouts. Remembers its limit for error texts.
class Deadline {
public:
    /// `limit` after `now`; clamped, so that no limit overflows.
    static Deadline after(Duration limit, TimePoint now) {
        auto room = TimePoint::max() - now;
        return Deadline(limit < room ? now + limit : TimePoint::max(), limit);
    }
    static Deadline never() { return Deadline(TimePoint::max(), std::nullopt); }

    TimePoint when() const noexcept { return when_; }
    /// The limit this deadline was made from; none for never().
    std::optional<Duration> limit() const noexcept { return limit_; }
    bool passed(TimePoint now) const noexcept { return now >= when_; }

private:
    Deadline(TimePoint when, std::optional<Duration> limit) : when_(when), limit_(limit) {}

    TimePoint when_;
    std::optional<Duration> limit_;
};

/// Seconds as a number, for texts.
inline double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace charioteer::io
