#pragma once

#include <algorithm>
#include <functional>

#include "io/race.hpp"
#include "io/time_source.hpp"

namespace charioteer::io {

/// Gets how long something is waited for, so that it can be logged.
using Remind = std::function<void(Duration so_far)>;

namespace detail {

inline asio::awaitable<void> remind_for_ever(TimeSource& time, Remind remind) {
    using namespace std::chrono_literals;
    auto begin = time.now();
    for (Duration pause = 10s;; pause = std::min<Duration>(2 * pause, 300s)) {
        co_await time.sleep_for(pause);
        remind(time.now() - begin);
    }
}

}  // namespace detail

/// Runs `operation`; calls `remind` after 10 s, 30 s, 70 s and so on of it, in the end every
/// 5 minutes. `T` must be default-constructible.
template <class T>
asio::awaitable<T> with_reminder(asio::awaitable<T> operation, TimeSource& time, Remind remind) {
    auto result = co_await race(std::move(operation), detail::remind_for_ever(time, remind));
    if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace charioteer::io
