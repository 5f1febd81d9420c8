#pragma once

#include "machine/unless_panicked.hpp"

namespace charioteer::machine {

/// Ends the wait when the guest dies, in whichever way.
template <class T>
asio::awaitable<T> Machine::unless_dead(std::shared_ptr<AgentLink> link,
                                        asio::awaitable<T> operation) {
    return unless_panicked(link->watched(std::move(operation), silence_limit()));
}

}  // namespace charioteer::machine
