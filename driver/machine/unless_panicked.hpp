#pragma once

#include <fmt/format.h>

#include "io/with_deadline.hpp"
#include "machine/machine.hpp"

namespace charioteer::machine {

/// Runs `operation` unless `doom` comes first: then throws ShellError with the text that it
/// returns.
template <class T>
asio::awaitable<T> unless(asio::any_io_executor executor, asio::awaitable<T> operation,
                          asio::awaitable<std::string> doom) {
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(operation), asio::deferred),
        asio::co_spawn(executor, std::move(doom), asio::deferred));
    if constexpr (std::is_void_v<T>) {
        auto [order, failure, doom_failure, text] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        if (order[0] == 1 && !doom_failure) throw ShellError(text);
        if (failure) std::rethrow_exception(failure);
    } else {
        auto [order, failure, value, doom_failure, text] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        if (order[0] == 1 && !doom_failure) throw ShellError(text);
        if (failure) std::rethrow_exception(failure);
        co_return std::move(value);
    }
}

template <class T>
asio::awaitable<T> Machine::unless_panicked(asio::awaitable<T> operation) {
    auto panic = [](std::shared_ptr<Console> console) -> asio::awaitable<std::string> {
        auto line = co_await console->wait_for_panic();
        co_return fmt::format("the guest's kernel panicked: {}", line);
    };
    return unless(host_->executor(), std::move(operation), panic(console_));
}

}  // namespace charioteer::machine
