#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>

#include "io/condition.hpp"

/// Operations for tests of what limits and combines them.
namespace charioteer::io {

/// Ends at once with a result that can only be moved.
inline boost::asio::awaitable<std::unique_ptr<int>> give(int value) {
    co_return std::make_unique<int>(value);
}

/// Ends only when it is cancelled.
inline boost::asio::awaitable<void> wait_for_ever() {
    Condition condition(co_await boost::asio::this_coro::executor);
    for (;;) co_await condition.wait();
}

}  // namespace charioteer::io
