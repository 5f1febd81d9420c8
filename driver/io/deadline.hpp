#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "io/error.hpp"
#include "io/race.hpp"

namespace charioteer::io {

class TimeSource;

using Duration = std::chrono::steady_clock::duration;
using TimePoint = std::chrono::steady_clock::time_point;

/// The time at which a wait ends, passed down unchanged through all layers, so that an operation of
/// ten steps has one limit and not ten. Keeps its duration for error messages. Created by
/// TimeSource::deadline_after(); that time source must outlive it.
class Deadline {
public:
    /// `duration` after `begin`; clamped, so that no duration overflows.
    static Deadline after(Duration duration, TimePoint begin, TimeSource& time) {
        auto room = TimePoint::max() - begin;
        return Deadline(duration < room ? begin + duration : TimePoint::max(), duration, &time);
    }
    static Deadline never() { return Deadline(TimePoint::max(), std::nullopt, nullptr); }

    TimePoint when() const noexcept { return when_; }
    /// The duration from which it was created; none for never().
    std::optional<Duration> duration() const noexcept { return duration_; }
    bool passed(TimePoint now) const noexcept { return now >= when_; }

    /// Runs `operation`. At the deadline cancels it, waits for its end and throws exceeded(what),
    /// so the operation must support cancellation. never() uses no timer. `T` must be
    /// default-constructible. Io thread.
    template <class T>
    asio::awaitable<T> limit(asio::awaitable<T> operation, std::string what) const {
        // By value: the deadline may be destroyed before the coroutine starts.
        return limited(std::move(operation), *this, std::move(what));
    }
    /// The error "{what} within {duration} s".
    TimeoutError exceeded(std::string_view what) const;

private:
    Deadline(TimePoint when, std::optional<Duration> duration, TimeSource* time)
        : when_(when), duration_(duration), time_(time) {}

    template <class T>
    static asio::awaitable<T> limited(asio::awaitable<T> operation, Deadline self,
                                      std::string what) {
        if (self.when_ == TimePoint::max()) co_return co_await std::move(operation);
        auto result = co_await race(std::move(operation), self.sleep());
        if (!result) throw self.exceeded(what);
        if constexpr (!std::is_void_v<T>) co_return std::move(*result);
    }
    asio::awaitable<void> sleep() const;

    TimePoint when_;
    std::optional<Duration> duration_;
    TimeSource* time_;
};

/// Seconds as a number, for messages.
inline double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace charioteer::io
