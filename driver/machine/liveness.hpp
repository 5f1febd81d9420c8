#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#include "io/race.hpp"
#include "machine/guest_agent.hpp"
#include "machine/unless_panicked.hpp"

namespace charioteer::machine {

/// Ends waits for a guest whose kernel has panicked, or that does not answer after the caller's
/// deadline. Io thread only.
class Liveness {
public:
    Liveness(std::shared_ptr<Context> context, std::shared_ptr<const GuestAgent> agent)
        : context_(std::move(context)), agent_(std::move(agent)) {}

    /// Throws ShellError when the kernel panics during the wait. Logs when the agent is silent.
    template <class T>
    asio::awaitable<T> unless_dead(std::shared_ptr<AgentLink> link,
                                   asio::awaitable<T> operation) const {
        auto watched = link->watched(std::move(operation), silence_limit());
        return hold(std::move(link), unless_panicked(*context_, std::move(watched)));
    }

    /// The same by the agent that there is, if there is one.
    template <class T>
    asio::awaitable<T> unless_dead(asio::awaitable<T> operation) const {
        auto link = agent_->expected();
        if (!link) return operation;
        return unless_dead(std::move(link), std::move(operation));
    }

    /// Ends the wait after `deadline`, but not while the agent answers: the agent applies the
    /// limits of commands itself. `what` as in "the guest did not answer". Throws io::TimeoutError.
    template <class T>
    asio::awaitable<T> unless_silent(asio::awaitable<T> operation, io::Deadline deadline,
                                     std::string what) const {
        return wait_unless_silent(*this, std::move(operation), deadline, std::move(what));
    }

private:
    io::Duration silence_limit() const;
    template <class T>
    static asio::awaitable<T> hold(std::shared_ptr<AgentLink> /*link*/,
                                   asio::awaitable<T> operation) {
        co_return co_await std::move(operation);
    }
    template <class T>
    static asio::awaitable<T> wait_unless_silent(Liveness self, asio::awaitable<T> operation,
                                                 io::Deadline deadline, std::string what);
    static asio::awaitable<void> until_silent(Liveness self, io::Deadline deadline,
                                              std::string what);

    std::shared_ptr<Context> context_;
    std::shared_ptr<const GuestAgent> agent_;
};

template <class T>
asio::awaitable<T> Liveness::wait_unless_silent(Liveness self, asio::awaitable<T> operation,
                                                io::Deadline deadline, std::string what) {
    if (deadline.when() == io::TimePoint::max()) co_return co_await std::move(operation);
    auto result = co_await io::race(std::move(operation), until_silent(self, deadline, what));
    if (!result) throw deadline.exceeded(what);
    if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace charioteer::machine
