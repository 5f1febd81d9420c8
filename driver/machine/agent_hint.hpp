#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "machine/guest_agent.hpp"
#include "machine/liveness.hpp"

namespace charioteer::machine {

/// A program of the agent that ends when a wait is likely to be over, so that the wait's command
/// is tried at once rather than after a pause. Io thread only; the caller keeps the object while
/// sleep() runs.
class AgentHint {
public:
    /// `words` of the agent's program; may be empty.
    AgentHint(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent,
              std::vector<std::string> words);
    AgentHint(const AgentHint&) = delete;
    AgentHint& operator=(const AgentHint&) = delete;

    /// Sleeps until the program has ended or for `pause`; without a program, or after a hint that
    /// proved false, for `short_pause`.
    asio::awaitable<void> sleep(io::Duration pause, io::Duration short_pause);

private:
    asio::awaitable<void> until_it_ends(std::shared_ptr<AgentLink> link);

    std::shared_ptr<Context> context_;
    std::shared_ptr<GuestAgent> agent_;
    std::vector<std::string> words_;  ///< empty: there is no hint
    std::shared_ptr<channel::Call> call_;
    bool came_ = false;
};

}  // namespace charioteer::machine
