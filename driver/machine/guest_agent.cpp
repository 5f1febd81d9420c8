#include "machine/guest_agent.hpp"

#include <fmt/format.h>

#include "machine/diagnostics.hpp"

namespace charioteer::machine {

asio::awaitable<std::shared_ptr<channel::Call>> GuestAgent::begin(command::Command command) {
    auto deadline = command::deadline_of(command.limit, context_->time());
    auto link = co_await ready(deadline);
    if (!link) {
        ShellError missing(fmt::format("{}: this needs the guest agent, which is not running: {}",
                                       context_->name(), why_none()));
        Diagnostics(context_).annotate(missing);
        throw missing;
    }
    co_return link->channel().start(std::move(command));
}

}  // namespace charioteer::machine
