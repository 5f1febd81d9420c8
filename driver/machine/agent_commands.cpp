// What a machine does by the agent in its guest.

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "io/line_splitter.hpp"
#include "io/printable.hpp"
#include "io/with_reminder.hpp"
#include "machine/machine.hpp"
#include "machine/unless_dead.hpp"
#include "machine/unless_silent.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// After so long it is told that a guest says nothing. Under TCG the host may be busy elsewhere,
/// too.
constexpr auto usual_silence = 10s;
constexpr auto usual_silence_tcg = 30s;
/// Of an agent that was there before: its guest may be booting anew,
constexpr auto reboot_limit = 300s;
/// or has lost nothing but the agent.
constexpr auto restart_limit = 30s;
/// What is kept of a standard error that nobody asked for, in bytes.
constexpr std::size_t errors_kept = 8 * 1024;
constexpr std::size_t longest_line = 64 * 1024;
/// Greetings that may come between the beginning and the end of an agent's start.
constexpr int most_restarts = 3;

asio::awaitable<void> feed(std::shared_ptr<channel::Call> call, std::string input) {
    try {
        co_await call->write(std::move(input));
        call->end_input();
    } catch (const io::Error&) {
        // Whoever collects what the command says is told the same.
    }
}

template <class Take>
void take_lines(io::LineSplitter& splitter, std::string_view bytes, Take take) {
    splitter.feed(bytes);
    while (auto line = splitter.next()) take(std::move(*line));
}

}  // namespace

/// Waits until no other call starts the agent.
asio::awaitable<void> Machine::until_started(io::Deadline deadline) {
    auto started = [this]() -> asio::awaitable<void> {
        while (agent_starting_) co_await started_.wait();
    };
    co_await deadline.limit(started(), "another call did not get the agent started");
}

/// `bound` is under KVM. The log says that there is none; where `deadline` has passed before that
/// is known, the next call tries again.
asio::awaitable<void> Machine::start_agent(io::Duration bound, io::Deadline deadline) {
    auto instance = instance_;
    if (!instance || !instance->agent()) co_return;
    co_await until_started(deadline);
    if (instance->agent()->usable() || no_agent_) co_return;
    agent_starting_ = true;
    auto& time = host_->time();
    auto step = at_most(bound * accelerator_.patience(), deadline, time);
    std::exception_ptr failure;
    for (int restarts = 0; restarts <= most_restarts; ++restarts) {
        no_agent_.reset();
        try {
            auto started = unless_panicked(instance->agent()->start(step));
            co_await io::with_reminder(std::move(started), time, [this](io::Duration so_far) {
                log(fmt::format("waiting for the agent to start in the guest, for {:.0f} s so far",
                                io::seconds(so_far)));
            });
            break;
        } catch (const shell::Restarted& error) {
            no_agent_ = error.what();
        } catch (const io::Error& error) {
            if (deadline.passed(time.now()))
                failure = std::current_exception();
            else
                no_agent_ = error.what();
            break;
        } catch (...) {
            failure = std::current_exception();
            break;
        }
    }
    agent_starting_ = false;
    started_.notify_all();
    if (failure) std::rethrow_exception(failure);
    // A QEMU that is gone is told as such by whoever meets it next.
    if (!no_agent_ || instance->child().status()) co_return;
    auto reason = fmt::format("the agent does not run in the guest: {}", *no_agent_);
    if (channel_mode_ == ChannelMode::agent) throw io::Error(reason);
    if (std::exchange(told_no_agent_, reason) != reason)
        log(reason + "; its root shell serves, one command at a time");
}

bool Machine::has_agent() const {
    return instance_ && instance_->agent() && instance_->agent()->usable();
}

std::uint64_t Machine::agent_bytes() const {
    return instance_ && instance_->agent() ? instance_->agent()->channel().moved_bytes() : 0;
}

asio::awaitable<std::shared_ptr<AgentLink>> Machine::ready_agent(io::Deadline deadline) {
    auto instance = instance_;
    running();
    auto link = instance->agent();
    if (link && no_agent_ && channel_mode_ == ChannelMode::agent)
        throw io::Error(fmt::format("the agent does not run in the guest: {}", *no_agent_));
    if (!link || no_agent_) co_return nullptr;
    if (!link->usable())
        co_await start_agent(link->guest_restarts() ? reboot_limit : restart_limit, deadline);
    if (!link->usable()) co_return nullptr;
    co_return link;
}

asio::awaitable<std::shared_ptr<channel::Call>> Machine::begin(channel::Request request) {
    auto deadline = deadline_of(request.limit, host_->time());
    auto link = co_await ready_agent(deadline);
    if (!link) {
        ShellError missing(fmt::format("{}: this takes the agent, which is not there: {}", name(),
                                       no_agent_.value_or("CHARIOTEER_CHANNEL is plain")));
        tell_facts(missing);
        throw missing;
    }
    co_return link->channel().start(std::move(request));
}

io::Duration Machine::silence_limit() const {
    return accelerator_.accelerator == Accelerator::tcg ? usual_silence_tcg : usual_silence;
}

/// Watched over for as long as there is an agent, and given up as a call with the command's limit.
template <class T>
asio::awaitable<T> Machine::of_call(std::shared_ptr<channel::Call> call,
                                    asio::awaitable<T> operation, std::string what) {
    const auto& origin = call->origin();
    auto deadline = io::Deadline::never();
    if (origin.limit && *origin.limit > io::Duration::zero())
        deadline = host_->time().deadline_after(*origin.limit + grace, origin.at);
    auto instance = instance_;
    if (instance && instance->agent())
        operation = unless_dead(instance->agent(), std::move(operation));
    co_return co_await unless_silent(std::move(operation), deadline, std::move(what));
}

asio::awaitable<std::optional<channel::Piece>> Machine::next_piece(
    std::shared_ptr<channel::Call> call, io::Deadline deadline) {
    try {
        // What has come is still to be had when the guest is gone; and a deadline takes nothing of
        // it along.
        auto until_next = of_call(call, call->until_next(), "the guest did not end the command");
        bool in_time =
            co_await io::race(std::move(until_next), host_->time().sleep_until(deadline.when()));
        if (in_time) co_return co_await call->next();
    } catch (const io::Error& error) {
        throw explain_call(error, *call);
    }
    throw deadline.exceeded("the command said nothing");
}

asio::awaitable<std::uint32_t> Machine::process_of(std::shared_ptr<channel::Call> call) {
    try {
        co_return co_await of_call(call, call->started(), "the guest did not start the command");
    } catch (const io::Error& error) {
        throw explain_call(error, *call);
    }
}

asio::awaitable<void> Machine::write(std::shared_ptr<channel::Call> call, std::string bytes) {
    try {
        co_await of_call(call, call->write(std::move(bytes)), "the guest did not take the input");
    } catch (const io::Error& error) {
        throw explain_call(error, *call);
    }
}

ShellError Machine::explain_call(const io::Error& error, const channel::Call& call) {
    const auto& origin = call.origin();
    return explain(error, fmt::format("running `{}`", origin.text), origin.at);
}

asio::awaitable<void> Machine::set_off(std::shared_ptr<AgentLink> link, std::string command,
                                       std::optional<Limit> limit, io::Deadline deadline) {
    channel::Request request;
    request.text = std::move(command);
    request.strict = true;
    request.want_output = false;
    if (limit) request.limit = limit->duration;
    auto call = link->channel().start(std::move(request));
    call->let_go();
    auto started = unless_dead(link, call->started());
    co_await deadline.limit(std::move(started), "the guest did not start the command");
}

asio::awaitable<std::optional<Outcome>> Machine::run_by_agent(std::string command,
                                                              RunOptions options,
                                                              io::Deadline deadline) {
    for (int tries = 0;; ++tries) {
        auto link = co_await ready_agent(deadline);
        if (!link) co_return std::nullopt;
        try {
            if (!options.set_off) co_return co_await run_by(link, command, options, deadline);
            co_await set_off(link, command, options.limit, deadline);
            co_return Outcome{};
        } catch (const channel::NotSent&) {
            // The agent was lost before it heard of the command, which another one may run.
            if (tries == most_restarts) throw;
        }
    }
}

asio::awaitable<Outcome> Machine::run_by(std::shared_ptr<AgentLink> link, std::string command,
                                         RunOptions options, io::Deadline deadline) {
    channel::Request request;
    request.text = std::move(command);
    request.strict = true;
    request.with_input = options.input.has_value();
    if (options.limit) request.limit = options.limit->duration;
    auto earlier_panic = console_->panic();
    auto call = link->channel().start(std::move(request));
    channel::Abandoned abandoned(call);
    if (options.input)
        asio::co_spawn(host_->executor(), feed(call, std::move(*options.input)), asio::detached);
    auto collected = unless_dead(link, collect(call, std::move(options)));
    auto outcome =
        co_await unless_silent(std::move(collected), deadline, "the guest did not end the command");
    // What was asked after a panic is answered by a kernel that lives.
    console_->forget_panic(earlier_panic);
    co_return outcome;
}

asio::awaitable<Outcome> Machine::collect(std::shared_ptr<channel::Call> call, RunOptions options) {
    Outcome outcome;
    io::LineSplitter error_lines(longest_line);
    io::LineSplitter output_lines(longest_line);
    auto take_error = [this](std::string line) { console_->add_line(std::move(line)); };
    auto take_output = [this](const std::string& line) {
        log("| " + io::printable(line, io::Colours::drop));
    };
    for (;;) {
        auto piece = co_await call->next();
        if (!piece) break;
        if (piece->source == channel::Source::errors) {
            take_lines(error_lines, piece->bytes, take_error);
            outcome.errors += piece->bytes;
            if (!options.keep_errors && outcome.errors.size() > 2 * errors_kept)
                outcome.errors.erase(0, outcome.errors.size() - errors_kept);
        } else {
            outcome.output += piece->bytes;
            if (options.output_so_far) *options.output_so_far += piece->bytes;
            if (options.tell) take_lines(output_lines, piece->bytes, take_output);
        }
    }
    if (!error_lines.rest().empty()) take_error(std::string(error_lines.rest()));
    if (!output_lines.rest().empty()) take_output(std::string(output_lines.rest()));
    const auto& ending = call->ending();
    outcome.status = ending.status;
    outcome.signal = ending.signal;
    outcome.duration = ending.duration;
    outcome.timed_out = ending.timed_out;
    co_return outcome;
}

}  // namespace charioteer::machine
