#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace charioteer::io {

namespace asio = boost::asio;

template <class T>
using Raced = std::conditional_t<std::is_void_v<T>, bool, std::optional<T>>;

namespace detail {

/// Whether an operation ended because it was cancelled.
bool was_cancelled(const std::exception_ptr& failure);

}  // namespace detail

/// Runs both until one ends, then cancels the other and waits for its end. Returns the result of
/// `operation` (true for void), or nothing if `other` ended first. Throws the exception of the
/// first to end; if both are cancelled from outside, the outcome is that of `operation`. `T` must
/// be default-constructible. (Asio's operator|| is not used, because there an operation that throws
/// immediately does not count as the first to end.)
template <class T>
asio::awaitable<Raced<T>> race(asio::awaitable<T> operation, asio::awaitable<void> other) {
    auto executor = co_await asio::this_coro::executor;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(operation), asio::deferred),
        asio::co_spawn(executor, std::move(other), asio::deferred));
    if constexpr (std::is_void_v<T>) {
        auto [order, failure, other_failure] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        bool late = order[0] == 1 && !detail::was_cancelled(other_failure);
        if (late && other_failure) std::rethrow_exception(other_failure);
        if (!late && failure) std::rethrow_exception(failure);
        co_return !late;
    } else {
        auto [order, failure, value, other_failure] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        bool late = order[0] == 1 && !detail::was_cancelled(other_failure);
        if (late && other_failure) std::rethrow_exception(other_failure);
        if (late) co_return std::nullopt;
        if (failure) std::rethrow_exception(failure);
        co_return std::optional<T>(std::move(value));
    }
}

}  // namespace charioteer::io
