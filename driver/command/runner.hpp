#pragma once

#include <boost/asio/awaitable.hpp>

#include "command/command.hpp"

namespace charioteer::command {

namespace asio = boost::asio;

/// Runs commands in one guest. Io thread only; the caller keeps the runner until run() returns.
class Runner {
public:
    Runner() = default;
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;
    virtual ~Runner() = default;

    /// Returns once the command has ended and its output is closed. Throws io::UsageError for a
    /// text that cannot be sent, other io::Error when the guest does not answer.
    virtual asio::awaitable<Outcome> run(Command command) = 0;
};

}  // namespace charioteer::command
