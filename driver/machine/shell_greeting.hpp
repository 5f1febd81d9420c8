#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "machine/context.hpp"
#include "machine/shell_runner.hpp"

namespace charioteer::machine {

/// Waits until the guest has booted: until its root shell has sent its greeting or, in a guest that
/// was restored from a snapshot, until its agent was found. Io thread only; the caller keeps the
/// object meanwhile.
class ShellGreeting {
public:
    explicit ShellGreeting(std::shared_ptr<Context> context) : context_(std::move(context)) {}

    /// Logs the received text, as upstream does. Throws io::TimeoutError after 300 s (under TCG
    /// 1500 s), ShellError when the kernel panics, io::ConnectionLost, NotRunning.
    asio::awaitable<void> wait();

private:
    asio::awaitable<void> until_ready(io::Deadline deadline);
    asio::awaitable<void> until_ready_or_restored(io::Deadline deadline);

    std::shared_ptr<Context> context_;
};

}  // namespace charioteer::machine
