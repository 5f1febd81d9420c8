#pragma once

#include <fmt/format.h>

#include "io/with_deadline.hpp"
#include "machine/machine.hpp"

namespace charioteer::machine {

template <class T>
asio::awaitable<T> Machine::unless_panicked(asio::awaitable<T> operation) {
    auto executor = host_->executor();
    auto console = console_;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(operation), asio::deferred),
        asio::co_spawn(executor, console->wait_for_panic(), asio::deferred));
    auto lost = [](const std::string& line) {
        return ShellError(fmt::format("the guest's kernel panicked: {}", line));
    };
    if constexpr (std::is_void_v<T>) {
        auto [order, failure, panic_failure, line] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        if (order[0] == 1 && !panic_failure) throw lost(line);
        if (failure) std::rethrow_exception(failure);
    } else {
        auto [order, failure, value, panic_failure, line] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        if (order[0] == 1 && !panic_failure) throw lost(line);
        if (failure) std::rethrow_exception(failure);
        co_return std::move(value);
    }
}

}  // namespace charioteer::machine
