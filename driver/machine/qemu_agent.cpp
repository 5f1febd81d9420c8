#include "machine/qemu_agent.hpp"

#include <fmt/format.h>

#include "io/race.hpp"
#include "io/with_reminder.hpp"
#include "machine/diagnostics.hpp"
#include "machine/unless_panicked.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// For starting the agent again when the guest has rebooted,
constexpr auto reboot_limit = 300s;
/// and when it still runs.
constexpr auto restart_limit = 30s;
/// Restarts of the root shell during one start of an agent at most.
constexpr int most_restarts = 3;

}  // namespace

QemuAgent::QemuAgent(std::shared_ptr<Context> context)
    : GuestAgent(context), context_(std::move(context)) {}

void QemuAgent::begin_life(ChannelMode mode) {
    mode_ = mode;
    why_none_.reset();
    starting_ = std::make_shared<io::SingleFlight<>>();
}

/// Sets why_none_ when it cannot be started. Throws as start() does.
asio::awaitable<void> QemuAgent::start_in(std::shared_ptr<Qemu> qemu, io::Deadline deadline) {
    auto remind = [this](io::Duration so_far) {
        context_->log(
            fmt::format("waiting for the agent to start in the guest, for {:.0f} s so far",
                        io::seconds(so_far)));
    };
    std::optional<std::string> failure;
    for (int restarts = 0; restarts <= most_restarts; ++restarts) {
        failure.reset();
        try {
            auto started = unless_panicked(*context_, qemu->agent()->start(deadline));
            co_await io::with_reminder(std::move(started), context_->time(), remind);
            break;
        } catch (const shell::Restarted& error) {
            failure = error.what();
        } catch (const io::Error& error) {
            failure = error.what();
            break;
        }
    }
    // QEMU may have been started again since.
    if (context_->qemu() != qemu) co_return;
    why_none_ = failure;
    // If QEMU has ended, the next call that uses it reports that.
    if (!why_none_ || qemu->child().status()) co_return;
    auto reason = fmt::format("the agent does not run in the guest: {}", *why_none_);
    if (mode_ == ChannelMode::agent) throw io::Error(reason);
    if (std::exchange(last_logged_reason_, reason) != reason)
        context_->log(reason + "; commands run in its root shell, one at a time");
}

asio::awaitable<void> QemuAgent::start(io::Duration bound, io::Deadline deadline) {
    auto qemu = context_->qemu();
    if (!qemu || !qemu->agent() || qemu->agent()->usable() || why_none_) co_return;
    auto step = context_->deadline_after(bound * context_->accelerator().limit_factor());
    auto operation = [self = shared_from_this(), qemu, step] { return self->start_in(qemu, step); };
    auto starting = starting_;
    co_await deadline.limit(starting->run(std::move(operation)),
                            "the agent did not start in the guest");
}

/// An agent that ran in a saved guest answers soon after the guest is continued. Throws
/// io::TimeoutError.
asio::awaitable<void> QemuAgent::until_decided(std::shared_ptr<Qemu> qemu, io::Deadline deadline) {
    auto decided = io::race(qemu->agent()->until_decided(), qemu->qmp().until_ended());
    co_await deadline.limit(std::move(decided), "the guest was not continued");
}

asio::awaitable<std::shared_ptr<AgentLink>> QemuAgent::ready(io::Deadline deadline) {
    auto qemu = context_->running_qemu();
    auto link = qemu->agent();
    if (link && why_none_ && mode_ == ChannelMode::agent)
        throw io::Error(fmt::format("the agent does not run in the guest: {}", *why_none_));
    if (!link || why_none_) co_return nullptr;
    if (!link->usable()) co_await until_decided(qemu, deadline);
    if (!link->usable())
        co_await start(link->guest_restarts() ? reboot_limit : restart_limit, deadline);
    if (!link->usable()) co_return nullptr;
    co_return link;
}

std::string QemuAgent::why_none() const {
    return why_none_.value_or("CHARIOTEER_CHANNEL is plain");
}

void QemuAgent::expect_running() const {
    context_->running_qemu();
}

std::shared_ptr<AgentLink> QemuAgent::usable() const {
    const auto& qemu = context_->qemu();
    if (!qemu || !qemu->agent() || !qemu->agent()->usable()) return nullptr;
    return qemu->agent();
}

std::shared_ptr<AgentLink> QemuAgent::expected() const {
    const auto& qemu = context_->qemu();
    return qemu && !why_none_ ? qemu->agent() : nullptr;
}

std::uint64_t QemuAgent::moved_bytes() const {
    const auto& qemu = context_->qemu();
    return qemu && qemu->agent() ? qemu->agent()->channel().moved_bytes() : 0;
}

}  // namespace charioteer::machine
