#pragma once

#include "io/race.hpp"
#include "machine/machine.hpp"

namespace charioteer::machine {

template <class T>
asio::awaitable<T> Machine::unless_silent(asio::awaitable<T> operation, io::Deadline deadline,
                                          std::string what) {
    if (deadline.when() == io::TimePoint::max()) co_return co_await std::move(operation);
    auto result = co_await io::race(std::move(operation), until_silent(deadline, what));
    if (!result) throw deadline.exceeded(what);
    if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace charioteer::machine
