#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "command/runner.hpp"
#include "machine/agent_runner.hpp"
#include "machine/diagnostics.hpp"
#include "machine/shell_runner.hpp"

namespace charioteer::machine {

/// Runs commands in the guest of one machine: by the agent or, where there is none, in the root
/// shell. Io thread only.
class GuestRunner : public command::Runner {
public:
    GuestRunner(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent);

    /// Throws ShellError, with notes about the machine, when the guest has not answered within the
    /// command's limit and command::grace; io::UsageError. If the guest ends during a command
    /// without want_status, that is not an error: the outcome has the output so far.
    asio::awaitable<Outcome> run(Command command) override;

    ShellRunner& shell() noexcept { return by_shell_; }

private:
    /// The outcome of a command during which the guest was lost.
    struct Progress {
        bool under_way = false;
        std::shared_ptr<Outcome> so_far = std::make_shared<Outcome>();
    };

    asio::awaitable<Outcome> run_by_either(Command command, std::shared_ptr<Progress> progress);
    asio::awaitable<Outcome> run_by_shell(Command command, io::Deadline deadline);

    std::shared_ptr<Context> context_;
    std::shared_ptr<GuestAgent> agent_;
    AgentRunner by_agent_;
    ShellRunner by_shell_;
};

}  // namespace charioteer::machine
