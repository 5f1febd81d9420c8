#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "command/command.hpp"
#include "io/unique_fd.hpp"
#include "machine/context.hpp"

namespace charioteer::machine {

using command::Command;
using command::Outcome;

/// Runs commands in the root shell, one after the other. Io thread only.
class ShellRunner {
public:
    explicit ShellRunner(std::shared_ptr<Context> context) : context_(std::move(context)) {}

    /// Runs `command`, which takes no input; its standard error is written to the console.
    /// `deadline` includes the wait for its turn. Throws NotRunning, ShellError when the guest's
    /// kernel panics or the guest is restored to an earlier state, and as
    /// shell::Session::execute().
    asio::awaitable<Outcome> run(Command command, io::Deadline deadline);

    /// As shell::Session::append(), for any number of bytes. Throws as run() does.
    asio::awaitable<Outcome> append(std::string bytes, std::string file, io::Deadline deadline);

    /// A duplicate of the shell's socket. Commands wait until take_back(). Throws NotRunning.
    asio::awaitable<io::UniqueFd> lend();
    asio::awaitable<void> take_back();

private:
    std::shared_ptr<Context> context_;
};

}  // namespace charioteer::machine
