// Waits made of commands, which the guest shortens by hints.

#include <fmt/format.h>

#include <algorithm>

#include "machine/machine.hpp"
#include "machine/retry.hpp"
#include "machine/unless_dead.hpp"
#include "machine/unless_silent.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// While the guest watches, the command is tried this many times its length apart, so that it takes
/// 1 % of a processor.
constexpr int rarity = 100;
constexpr io::Duration shortest_watch = 1s;
constexpr io::Duration longest_watch = 10s;

/// `partly`: the guest does not see all that may come about. That is not to be found out much later
/// for it: not by more than a tenth of the wait, or by a second.
io::Duration watch_for(io::Duration waited, io::Duration took, bool partly) {
    auto longest = longest_watch;
    if (partly) longest = std::clamp<io::Duration>(waited / 10, shortest_watch, longest);
    return std::clamp<io::Duration>(rarity * took, shortest_watch, longest);
}

/// A port may be open without anybody who listens: the kernel may pass it on, as to another
/// machine.
bool sees_a_part(const std::vector<std::string>& hint) {
    return !hint.empty() && hint.front() == "wait-port" && hint.back() == "open";
}

}  // namespace

/// A program of the agent that ends when a wait is likely to be over.
class Machine::Hint {
public:
    Hint(Machine& machine, std::vector<std::string> words) : machine_(machine) {
        for (const auto& word : words) text_ += word + std::string(1, '\0');
    }

    /// Sleeps until the hint comes or for `pause`, and without a hint for `short_pause`. A hint
    /// that proved false is not believed again at once.
    asio::awaitable<void> sleep(io::Duration pause, io::Duration short_pause) {
        auto& time = machine_.host_->time();
        bool came_before = std::exchange(came_, false);
        if (came_before) co_await time.sleep_for(short_pause);
        std::shared_ptr<AgentLink> link;
        if (!text_.empty() && machine_.has_agent()) link = machine_.instance_->agent();
        if (!link) {
            if (!came_before) co_await time.sleep_for(short_pause);
            co_return;
        }
        bool lost = false;
        try {
            auto ended = machine_.unless_dead(link, until_it_ends(link));
            auto deadline = time.deadline_after(pause);
            co_await deadline.limit(std::move(ended), "no hint came");
            came_ = true;
        } catch (const io::TimeoutError&) {
            // Then the command is tried without one.
        } catch (const channel::Refused&) {
            text_.clear();
        } catch (const io::Error&) {
            // What happened to the guest is told, or mended, by the next try.
            call_.reset();
            lost = true;
        }
        if (lost) co_await time.sleep_for(short_pause);
    }

private:
    asio::awaitable<void> until_it_ends(std::shared_ptr<AgentLink> link) {
        if (!call_) {
            channel::Request request;
            request.text = text_;
            request.built_in = true;
            call_ = link->channel().start(std::move(request));
        }
        for (;;) {
            auto piece = co_await call_->next();
            if (!piece) break;
        }
        // Another status means that this cannot be watched, and nobody will try again.
        if (call_->ending().status != 0) text_.clear();
        call_.reset();
    }

    Machine& machine_;
    std::string text_;
    std::shared_ptr<channel::Call> call_;
    bool came_ = false;
};

/// The try of a wait that was begun last.
struct Machine::LastTry {
    io::TimePoint begin;
    int status = 0;
    std::string output;
    bool answered = true;  ///< false while it runs, and when it was cut off
};

/// The wait's limit has passed, and the last try did not give what was waited for.
RequestFailed Machine::late_wait(const CommandWait& wait, const LastTry& last_try,
                                 io::TimePoint begin) const {
    auto now = host_->time().now();
    RequestFailed late(fmt::format("action timed out after {:.2f} seconds (timeout={})",
                                   io::seconds(now - begin), wait.limit.text));
    if (!last_try.answered) {
        late.add_note(fmt::format("{}: the last try of `{}` has had no answer for {:.1f} s", name(),
                                  wait.command, io::seconds(now - last_try.begin)));
    } else {
        late.add_note(fmt::format("{}: the last try of `{}` ended with status {}", name(),
                                  wait.command, last_try.status));
        if (!last_try.output.empty())
            late.add_note("its output: " + last_try.output.substr(0, 2000));
    }
    tell_facts(late);
    return late;
}

asio::awaitable<std::string> Machine::try_until(CommandWait wait,
                                                std::shared_ptr<LastTry> last_try) {
    auto& time = host_->time();
    auto begin = time.now();
    bool probe = wait.kind == CommandWait::Kind::probe;
    bool partly = sees_a_part(wait.hint);
    Hint hint(*this, wait.hint);
    for (;;) {
        auto tried = time.now();
        bool last = tried - begin >= wait.limit.duration;
        *last_try = {tried, 0, "", false};
        auto options =
            within(probe ? probe_limit(begin + wait.limit.duration - tried) : wait.limit);
        auto result = co_await execute(wait.command, options);
        bool cut_off = probe && result.status == cut_off_status;
        if (!cut_off && (result.status == 0) == wait.success) co_return result.output;
        *last_try = {tried, result.status, std::move(result.output), !cut_off};
        auto waited = time.now() - begin;
        if (last || (cut_off && waited >= wait.limit.duration))
            throw late_wait(wait, *last_try, begin);
        auto left = std::max<io::Duration>(wait.limit.duration - waited, 0s);
        auto took = time.now() - tried;
        co_await hint.sleep(std::min(watch_for(waited, took, partly), left),
                            std::min(next_pause(waited, took), left));
    }
}

asio::awaitable<std::string> Machine::wait_for_command(CommandWait wait) {
    Doing doing{
        fmt::format("waiting for `{}` to {}", wait.command, wait.success ? "succeed" : "fail"),
        wait.limit, host_->time().now()};
    auto last_try = std::make_shared<LastTry>();
    auto deadline = host_->time().deadline_after(wait.limit.duration + grace);
    std::exception_ptr failure;
    try {
        co_return co_await unless_silent(
            try_until(wait, last_try), deadline,
            fmt::format("the guest did not answer `{}`", wait.command));
    } catch (const io::TimeoutError&) {
        failure = std::current_exception();
    }
    // A variable: g++ 12 destroys a braced temporary of an expression that awaits twice.
    co_await fail_call(failure, std::move(doing));
    co_return "";
}

}  // namespace charioteer::machine
