#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "command/runner.hpp"
#include "machine/diagnostics.hpp"
#include "machine/guest_agent.hpp"

namespace charioteer::machine {

/// A command that is retried.
struct CommandWait {
    /// Where the command comes from. An `attempt` is the test script's: it runs under the limit of
    /// the wait, and has failed if this limit ends it. A `probe` is the driver's: the limit of the
    /// wait does not end it at once (probe_limit()), and if a limit ends it, it has no result.
    enum class Kind { attempt, probe };

    std::string command;
    bool success = true;  ///< whether its success is waited for, or its failure
    Limit limit;
    Kind kind = Kind::attempt;
    /// A program of the agent that ends when the command is likely to have that result; may be
    /// empty.
    std::vector<std::string> hint = {};
};

/// Waits that retry a command. Io thread only.
class Waiter {
public:
    Waiter(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent,
           std::shared_ptr<command::Runner> runner)
        : context_(std::move(context)), agent_(std::move(agent)), runner_(std::move(runner)) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    /// Runs a command until its success is the wanted one; returns its last output. Throws
    /// RequestFailed after the limit and a last try, ShellError when the guest does not answer.
    asio::awaitable<std::string> wait(CommandWait wait);

private:
    struct LastTry;

    asio::awaitable<std::string> try_until(CommandWait wait, std::shared_ptr<LastTry> last_try);
    RequestFailed late_wait(const CommandWait& wait, const LastTry& last_try,
                            io::TimePoint begin) const;

    std::shared_ptr<Context> context_;
    std::shared_ptr<GuestAgent> agent_;
    std::shared_ptr<command::Runner> runner_;
};

}  // namespace charioteer::machine
