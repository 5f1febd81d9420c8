#include "machine/copier.hpp"

#include <fmt/format.h>

#include "machine/copy_steps.hpp"
#include "machine/diagnostics.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto query_limit = 60s;

}  // namespace

Copier::Copier(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent,
               std::shared_ptr<command::Runner> runner)
    : context_(std::move(context)),
      agent_(std::move(agent)),
      runner_(std::move(runner)),
      by_agent_(context_, Liveness(context_, agent_)),
      by_share_(context_, runner_),
      by_shell_(context_, runner_) {}

/// Rethrows the error that is being handled, with a note on the copy.
void Copier::fail(const std::string& from, const std::string& to, io::TimePoint begin) const {
    auto activity = fmt::format("copying {} to {}", from, to);
    Diagnostics diagnostics(context_);
    try {
        throw;
    } catch (const io::UsageError&) {
        throw;
    } catch (ShellError& error) {
        // Has the notes of the command that failed.
        error.add_note(fmt::format("while {}", activity));
        throw;
    } catch (const io::ConnectionLost& error) {
        throw diagnostics.explain(error, activity, begin);
    } catch (const io::TimeoutError& error) {
        throw diagnostics.explain(error, activity, begin);
    } catch (const channel::Refused& error) {
        throw diagnostics.explain(error, activity, begin);
    } catch (io::Error& error) {
        error.add_context(fmt::format("{}: cannot copy {} to {}", context_->name(), from, to));
        throw;
    }
}

/// Throws CopyFailed when the guest cannot do without an agent.
asio::awaitable<bool> Copier::has_share() {
    if (context_->config().is_container) throw CopyFailed(agent_->why_none());
    if (!share_mounted_) {
        command::Command query{.text = fmt::format("grep -q ' {} ' /proc/mounts", guest_share),
                               .limit = Limit{query_limit, fmt::format("{}", query_limit.count())}};
        auto outcome = co_await runner_->run(std::move(query));
        share_mounted_ = outcome.status == 0;
    }
    co_return *share_mounted_;
}

asio::awaitable<void> Copier::copy_in(fs::path source, std::string target) {
    source = fs::absolute(trimmed(source.string()));
    auto begin = context_->time().now();
    agent_->expect_running();
    try {
        co_await carry_in(source, target);
    } catch (const io::Error&) {
        fail(source.string(), target, begin);
    }
}

asio::awaitable<void> Copier::copy_out(std::string source, fs::path target) {
    source = trimmed(std::move(source));
    auto begin = context_->time().now();
    agent_->expect_running();
    try {
        co_await carry_out(source, std::move(target));
    } catch (const io::Error&) {
        fail(source, "the host", begin);
    }
}

asio::awaitable<void> Copier::carry_in(fs::path source, std::string target) {
    // Variables: g++ 12 miscompiles an `if` that awaits in its condition and in its branches.
    auto link = co_await agent_->ready(io::Deadline::never());
    bool shared = false;
    if (!link) shared = co_await has_share();
    if (link)
        co_await by_agent_.copy_in(std::move(link), std::move(source), std::move(target));
    else if (shared)
        co_await by_share_.copy_in(std::move(source), std::move(target));
    else
        co_await by_shell_.copy_in(std::move(source), std::move(target));
}

asio::awaitable<void> Copier::carry_out(std::string source, fs::path target) {
    // Variables: g++ 12 miscompiles an `if` that awaits in its condition and in its branches.
    auto link = co_await agent_->ready(io::Deadline::never());
    bool shared = false;
    if (!link) shared = co_await has_share();
    if (link)
        co_await by_agent_.copy_out(std::move(link), std::move(source), std::move(target));
    else if (shared)
        co_await by_share_.copy_out(std::move(source), std::move(target));
    else
        co_await by_shell_.copy_out(std::move(source), std::move(target));
}

}  // namespace charioteer::machine
