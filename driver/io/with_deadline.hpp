#pragma once

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "io/error.hpp"
#include "io/time_source.hpp"

namespace charioteer::io {

/// Runs `operation` until it ends or `deadline` passes; then cancels it and throws TimeoutError
/// "{what} within {limit} s". The operation must obey cancellation: it is waited for. `T` must be
/// default-constructible. (asio's operator|| is not used: an operation that throws at once loses
/// to the timer there.)
template <class T>
asio::awaitable<T> with_deadline(asio::awaitable<T> operation, Deadline deadline, TimeSource& time,
                                 std::string what) {
    if (deadline.when() == TimePoint::max()) co_return co_await std::move(operation);
    auto executor = co_await asio::this_coro::executor;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(operation), asio::deferred),
        asio::co_spawn(executor, time.sleep_until(deadline.when()), asio::deferred));
    auto late = [&] {
        return TimeoutError(fmt::format("{} within {:.4g} s", what,
                                        seconds(deadline.limit().value_or(Duration::zero()))));
    };
    if constexpr (std::is_void_v<T>) {
        auto [order, failure, timer_failure] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        if (order[0] == 1 && !timer_failure) throw late();
        if (failure) std::rethrow_exception(failure);
    } else {
        auto [order, failure, value, timer_failure] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        if (order[0] == 1 && !timer_failure) throw late();
        if (failure) std::rethrow_exception(failure);
        co_return std::move(value);
    }
}

}  // namespace charioteer::io
