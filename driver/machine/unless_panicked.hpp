#pragma once

#include <fmt/format.h>

#include "io/race.hpp"
#include "machine/context.hpp"

namespace charioteer::machine {

/// Runs `operation`; if the awaitable `doom()` completes first, throws ShellError with the text
/// that it returns. `T` must be default-constructible.
template <class T, class Doom>
asio::awaitable<T> unless(asio::awaitable<T> operation, Doom doom) {
    auto raise = [&]() -> asio::awaitable<void> {
        auto why = co_await doom();
        throw ShellError(why);
    };
    auto result = co_await io::race(std::move(operation), raise());
    if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

/// Throws ShellError when the guest's kernel panics during the wait.
template <class T>
asio::awaitable<T> unless_panicked(const Context& context, asio::awaitable<T> operation) {
    auto panic = [console = context.console()]() -> asio::awaitable<std::string> {
        auto line = co_await console->wait_for_panic();
        co_return fmt::format("the guest's kernel panicked: {}", line);
    };
    return unless(std::move(operation), panic);
}

}  // namespace charioteer::machine
