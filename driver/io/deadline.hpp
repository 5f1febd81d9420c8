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

/// The moment at which a wait ends, passed down unchanged through all layers, so that ten steps
/// cannot take ten timeouts. Remembers its duration for error texts. Made by
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
    /// What this deadline was made from; none for never().
    std::optional<Duration> duration() const noexcept { return duration_; }
    bool passed(TimePoint now) const noexcept { return now >= when_; }

    /// Runs `operation` until it ends or the deadline passes; then cancels it and throws
    /// exceeded(what). The operation must obey cancellation: it is waited for. Without a deadline
    /// there is no timer. `T` must be default-constructible. Io thread.
    template <class T>
    asio::awaitable<T> limit(asio::awaitable<T> operation, std::string what) const {
        // By value: the deadline may be gone before the coroutine starts.
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

/// Seconds as a number, for texts.
inline double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace charioteer::io
