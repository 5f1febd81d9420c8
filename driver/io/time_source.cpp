#include "io/time_source.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace charioteer::io {

TimePoint SteadyTime::now() const {
    return std::chrono::steady_clock::now();
}

asio::awaitable<void> SteadyTime::sleep_until(TimePoint when) {
    asio::steady_timer timer(co_await asio::this_coro::executor, when);
    co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace charioteer::io
