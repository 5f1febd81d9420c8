#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "channel/call.hpp"
#include "machine/diagnostics.hpp"
#include "machine/liveness.hpp"

namespace charioteer::machine {

/// A running command of the agent, with its input and output. The destructor ends it, unless
/// detach() was called. Io thread only; the caller keeps the object while a coroutine of it runs.
///
/// All coroutines throw ShellError, with notes about the machine, when the guest is lost, and
/// channel::Refused as ShellError when the agent could not start the command.
class GuestProcess {
public:
    GuestProcess(std::shared_ptr<Context> context, Liveness liveness,
                 std::shared_ptr<channel::Call> call)
        : context_(std::move(context)), liveness_(std::move(liveness)), call_(std::move(call)) {}
    GuestProcess(const GuestProcess&) = delete;
    GuestProcess& operator=(const GuestProcess&) = delete;

    /// Starts `command` by the agent. Throws ShellError when there is no agent, and as
    /// GuestAgent::ready().
    static asio::awaitable<std::shared_ptr<GuestProcess>> begin(std::shared_ptr<Context> context,
                                                                std::shared_ptr<GuestAgent> agent,
                                                                command::Command command);

    /// Its process id, once it has started.
    asio::awaitable<std::uint32_t> pid();
    /// The next piece of its output; none once it has ended. Throws io::TimeoutError when nothing
    /// was received until `deadline`.
    asio::awaitable<std::optional<channel::Piece>> next(io::Deadline deadline);
    /// Sends it input; returns when the guest has room for all of it.
    asio::awaitable<void> write(std::string bytes);
    void end_input() { call_->end_input(); }
    /// Sends its process group a signal; 0 is SIGTERM, and SIGKILL 5 s later to remaining
    /// processes.
    void signal(int number) { call_->signal(number); }
    /// The destructor does not end it.
    void detach() { call_->detach(); }
    /// How it ended, without the output that next() has returned; none while it runs.
    std::optional<command::Outcome> outcome() const;

private:
    /// Ends the wait when the guest is lost, and after the command's limit and command::grace.
    template <class T>
    asio::awaitable<T> unless_lost(asio::awaitable<T> operation, std::string what);
    ShellError explain(const io::Error& error) const;

    std::shared_ptr<Context> context_;
    Liveness liveness_;
    std::shared_ptr<channel::Call> call_;
};

}  // namespace charioteer::machine
