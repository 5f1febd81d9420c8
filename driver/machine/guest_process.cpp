#include "machine/guest_process.hpp"

#include <fmt/format.h>

namespace charioteer::machine {

asio::awaitable<std::shared_ptr<GuestProcess>> GuestProcess::begin(
    std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent, command::Command command) {
    auto script = agent->script(std::move(command));
    auto call = co_await agent->begin(std::move(script));
    Liveness liveness(context, agent);
    co_return std::make_shared<GuestProcess>(std::move(context), std::move(liveness),
                                             std::move(call));
}

template <class T>
asio::awaitable<T> GuestProcess::unless_lost(asio::awaitable<T> operation, std::string what) {
    const auto& origin = call_->origin();
    auto deadline = io::Deadline::never();
    const auto& limit = origin.command.limit;
    if (limit && limit->duration > io::Duration::zero())
        deadline = context_->time().deadline_after(limit->duration + command::grace, origin.at);
    operation = liveness_.unless_dead(std::move(operation));
    return liveness_.unless_silent(std::move(operation), deadline, std::move(what));
}

ShellError GuestProcess::explain(const io::Error& error) const {
    const auto& origin = call_->origin();
    return Diagnostics(context_).explain(error, fmt::format("running `{}`", origin.command.text),
                                         origin.at);
}

asio::awaitable<std::uint32_t> GuestProcess::pid() {
    try {
        co_return co_await unless_lost(call_->started(), "the guest did not start the command");
    } catch (const io::Error& error) {
        throw explain(error);
    }
}

asio::awaitable<std::optional<channel::Piece>> GuestProcess::next(io::Deadline deadline) {
    try {
        // until_next() and not next(): received output is not lost with the guest, nor when the
        // deadline passes.
        auto until_next = unless_lost(call_->until_next(), "the guest did not end the command");
        bool in_time =
            co_await io::race(std::move(until_next), context_->time().sleep_until(deadline.when()));
        if (in_time) co_return co_await call_->next();
    } catch (const io::Error& error) {
        throw explain(error);
    }
    throw deadline.exceeded("the command wrote nothing");
}

asio::awaitable<void> GuestProcess::write(std::string bytes) {
    try {
        co_await unless_lost(call_->write(std::move(bytes)), "the guest did not read the input");
    } catch (const io::Error& error) {
        throw explain(error);
    }
}

std::optional<command::Outcome> GuestProcess::outcome() const {
    if (!call_->ended()) return std::nullopt;
    return call_->outcome();
}

}  // namespace charioteer::machine
