#include "machine/agent_link.hpp"

#include <fmt/format.h>

#include "io/reminder.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Between pings while a call waits; without one, no pings are sent.
constexpr auto ping_interval = 5s;

}  // namespace

asio::awaitable<bool> AgentLink::answers(io::Duration limit) {
    auto self = shared_from_this();
    try {
        co_await channel().ping(time_.deadline_after(limit));
    } catch (const io::Error&) {
        co_return false;
    }
    co_return true;
}

asio::awaitable<bool> AgentLink::is_paused() {
    co_return false;
}

asio::awaitable<std::string> AgentLink::describe_guest() {
    co_return "";
}

asio::awaitable<void> AgentLink::watch(std::shared_ptr<AgentLink> self, io::Duration silence) {
    io::Reminder reminder(silence);
    auto silent = [&] { return self->time_.now() - self->channel().last_received(); };
    while (self->watched_ > 0 && self->usable()) {
        co_await self->time_.sleep_for(ping_interval);
        if (self->watched_ == 0 || !self->usable()) break;
        if (silent() >= ping_interval) co_await self->end_silence(silence);
        if (silent() < silence) {
            reminder.reset();
        } else if (self->usable() && reminder.due(silent())) {
            auto state = co_await self->describe_guest();
            self->warn_(
                fmt::format("waiting for the guest: its agent has sent nothing for {:.0f} s{}{}",
                            io::seconds(silent()), state.empty() ? "" : ": ", state));
        }
    }
    self->watching_ = false;
}

/// Pings the agent, and waits for its answer as long as `limit`.
asio::awaitable<void> AgentLink::end_silence(io::Duration limit) {
    try {
        auto deadline = time_.deadline_after(limit);
        // No pings to a guest that sleeps: it would have to answer all of them when it wakes up.
        if (holds_pings())
            co_await time_.sleep_until(deadline.when());
        else
            co_await channel().ping(deadline);
    } catch (const io::TimeoutError&) {
        // The ping may have been lost.
        channel().resynchronise_again();
    } catch (const io::Error&) {
        // The agent has ended, which is reported elsewhere.
    }
}

}  // namespace charioteer::machine
