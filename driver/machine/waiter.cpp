#include "machine/waiter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/backoff.hpp"
#include "machine/agent_hint.hpp"
#include "machine/liveness.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// With a hint, the pause before the next try is this many times as long as the command took, so
/// that the tries take 1 % of a processor.
constexpr int rarity = 100;
constexpr io::Duration shortest_watch = 1s;
constexpr io::Duration longest_watch = 10s;

/// `partly`: the hint does not detect all changes. Then the pause is also limited, to a tenth of
/// the time waited or a second, so that no change is detected much later.
io::Duration watch_for(io::Duration waited, io::Duration took, bool partly) {
    auto longest = longest_watch;
    if (partly) longest = std::clamp<io::Duration>(waited / 10, shortest_watch, longest);
    return std::clamp<io::Duration>(rarity * took, shortest_watch, longest);
}

/// A port may be open without a process that listens: the kernel may forward it to another
/// machine.
bool sees_a_part(const std::vector<std::string>& hint) {
    return !hint.empty() && hint.front() == "wait-port" && hint.back() == "open";
}

}  // namespace

/// The last try of a wait.
struct Waiter::LastTry {
    io::TimePoint begin;
    int status = 0;
    std::string output;
    bool answered = true;  ///< false while it runs, and when a limit has ended it
};

/// The error when the limit of a wait has passed and the last try had the other result.
RequestFailed Waiter::late_wait(const CommandWait& wait, const LastTry& last_try,
                                io::TimePoint begin) const {
    auto now = context_->time().now();
    RequestFailed late(fmt::format("action timed out after {:.2f} seconds (timeout={})",
                                   io::seconds(now - begin), wait.limit.text));
    if (!last_try.answered) {
        late.add_note(fmt::format("{}: the last try of `{}` has had no answer for {:.1f} s",
                                  context_->name(), wait.command,
                                  io::seconds(now - last_try.begin)));
    } else {
        late.add_note(fmt::format("{}: the last try of `{}` ended with status {}", context_->name(),
                                  wait.command, last_try.status));
        if (!last_try.output.empty())
            late.add_note("its output: " + last_try.output.substr(0, 2000));
    }
    Diagnostics(context_).annotate(late);
    return late;
}

asio::awaitable<std::string> Waiter::try_until(CommandWait wait,
                                               std::shared_ptr<LastTry> last_try) {
    auto& time = context_->time();
    auto begin = time.now();
    bool probe = wait.kind == CommandWait::Kind::probe;
    bool partly = sees_a_part(wait.hint);
    AgentHint hint(context_, agent_, wait.hint);
    for (;;) {
        auto tried = time.now();
        bool last = tried - begin >= wait.limit.duration;
        *last_try = {tried, 0, "", false};
        auto left_at_try = begin + wait.limit.duration - tried;
        command::Command command{.text = wait.command,
                                 .limit = probe ? command::probe_limit(left_at_try) : wait.limit};
        auto result = co_await runner_->run(std::move(command));
        bool cut_off = probe && result.status == command::cut_off_status;
        if (!cut_off && (result.status == 0) == wait.success) co_return result.output;
        *last_try = {tried, result.status, std::move(result.output), !cut_off};
        auto waited = time.now() - begin;
        if (last || (cut_off && waited >= wait.limit.duration))
            throw late_wait(wait, *last_try, begin);
        auto left = std::max<io::Duration>(wait.limit.duration - waited, 0s);
        auto took = time.now() - tried;
        co_await hint.sleep(std::min(watch_for(waited, took, partly), left),
                            std::min(io::pause_between_tries(waited, took), left));
    }
}

asio::awaitable<std::string> Waiter::wait(CommandWait wait) {
    CallDescription call{
        fmt::format("waiting for `{}` to {}", wait.command, wait.success ? "succeed" : "fail"),
        wait.limit, context_->time().now()};
    auto last_try = std::make_shared<LastTry>();
    auto deadline = context_->time().deadline_after(wait.limit.duration + command::grace);
    std::exception_ptr failure;
    try {
        Liveness liveness(context_, agent_);
        co_return co_await liveness.unless_silent(
            try_until(wait, last_try), deadline,
            fmt::format("the guest did not answer `{}`", wait.command));
    } catch (const io::TimeoutError&) {
        failure = std::current_exception();
    }
    // A variable: g++ 12 destroys a braced temporary of an expression that awaits twice.
    co_await Diagnostics(context_).fail_call(failure, std::move(call));
    co_return "";
}

}  // namespace charioteer::machine
