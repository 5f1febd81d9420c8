#pragma once

#include <functional>

#include "io/race.hpp"
#include "io/reminder.hpp"
#include "io/time_source.hpp"

namespace charioteer::io {

/// Called with the duration of a wait so far, in order to log it.
using Remind = std::function<void(Duration so_far)>;

namespace detail {

inline asio::awaitable<void> remind_for_ever(TimeSource& time, Remind remind) {
    auto begin = time.now();
    for (Reminder reminder(std::chrono::seconds(10));;) {
        co_await time.sleep_until(begin + reminder.next());
        auto lasted = time.now() - begin;
        if (reminder.due(lasted)) remind(lasted);
    }
}

}  // namespace detail

/// Runs `operation`; calls `remind` after 10 s and then at the times of Reminder. `T` must be
/// default-constructible.
template <class T>
asio::awaitable<T> with_reminder(asio::awaitable<T> operation, TimeSource& time, Remind remind) {
    auto result = co_await race(std::move(operation), detail::remind_for_ever(time, remind));
    if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace charioteer::io
