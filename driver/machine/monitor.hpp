#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "machine/context.hpp"

namespace charioteer::machine {

/// QEMU's monitor and the input of its console. Every function throws NotRunning while the machine
/// is off. Io thread only.
class Monitor {
public:
    explicit Monitor(std::shared_ptr<Context> context) : context_(std::move(context)) {}
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    /// Runs a QMP command; returns the value of its reply. Throws qmp::CommandError,
    /// io::ConnectionLost, and io::TimeoutError after 60 s (under TCG 300 s) or at `caller`,
    /// whichever is earlier.
    asio::awaitable<json::value> qmp(std::string command, json::object arguments,
                                     io::Deadline caller = io::Deadline::never());
    /// Runs a command of the human monitor; returns what it printed. Throws as qmp().
    asio::awaitable<std::string> human(std::string command);
    /// The next event that no earlier call has returned. Throws io::TimeoutError.
    asio::awaitable<json::object> next_event(io::Deadline deadline);
    /// Sends bytes to the standard input of QEMU, which is the guest's serial console.
    asio::awaitable<void> send_console(std::string bytes);

private:
    std::shared_ptr<Context> context_;
};

}  // namespace charioteer::machine
