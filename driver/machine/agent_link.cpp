#include "machine/agent_link.hpp"

#include <fmt/format.h>

#include "io/reminder.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Pings while a call waits; an idle guest is sent none.
constexpr auto ping_interval = 5s;

}  // namespace

asio::awaitable<bool> AgentLink::answers(io::Duration patience) {
    auto self = shared_from_this();
    try {
        co_await channel().ping(time_.deadline_after(patience));
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
    auto silent = [&] { return self->time_.now() - self->channel().heard(); };
    while (self->watched_ > 0 && self->usable()) {
        co_await self->time_.sleep_for(ping_interval);
        if (self->watched_ == 0 || !self->usable()) break;
        if (silent() >= ping_interval) co_await self->end_silence(silence);
        if (silent() < silence) {
            reminder.reset();
        } else if (self->usable() && reminder.due(silent())) {
            auto state = co_await self->describe_guest();
            self->warn_(
                fmt::format("waiting for the guest, whose agent has said nothing for {:.0f} s{}{}",
                            io::seconds(silent()), state.empty() ? "" : ": ", state));
        }
    }
    self->watching_ = false;
}

/// Pings the agent, and waits for its answer as long as `limit`.
asio::awaitable<void> AgentLink::end_silence(io::Duration limit) {
    try {
        auto deadline = time_.deadline_after(limit);
        // A guest that sleeps is not to wake up to a pile of questions.
        if (holds_pings())
            co_await time_.sleep_until(deadline.when());
        else
            co_await channel().ping(deadline);
    } catch (const io::TimeoutError&) {
        // The question may be lost.
        channel().ask_again();
    } catch (const io::Error&) {
        // There is no agent any more, which other events report.
    }
}

}  // namespace charioteer::machine
