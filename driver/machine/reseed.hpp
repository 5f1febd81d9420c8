#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "machine/guest_agent.hpp"

namespace charioteer::machine {

/// Adds random numbers of this host to those of the guest's kernel, by the agent, so that two
/// guests that were loaded from one state do not draw the same. No-op where commands run without an
/// agent. When the guest's kernel refuses, or the guest does not answer within a limit, that is
/// logged. Io thread only.
asio::awaitable<void> reseed(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent);

}  // namespace charioteer::machine
