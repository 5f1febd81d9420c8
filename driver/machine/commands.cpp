// What a machine does by its root shell: commands, and waits made of them.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "io/line_splitter.hpp"
#include "io/printable.hpp"
#include "io/race.hpp"
#include "machine/machine.hpp"
#include "machine/retry.hpp"
#include "machine/unless_panicked.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Upstream gives up after ten slices of 30 s without a sign of life; under TCG five times as many.
constexpr auto greeting_limit = 300s;
/// Of the first answers of a shell that has greeted, under KVM.
constexpr auto first_answer_limit = 60s;
constexpr std::size_t longest_line = 64 * 1024;

/// As Python prints bytes.
std::string python_bytes(std::string_view bytes) {
    char quote = bytes.find('\'') != bytes.npos && bytes.find('"') == bytes.npos ? '"' : '\'';
    std::string text = std::string("b") + quote;
    for (char character : bytes) {
        auto byte = static_cast<unsigned char>(character);
        if (character == quote || character == '\\')
            text.append(1, '\\').push_back(character);
        else if (character == '\n')
            text += "\\n";
        else if (character == '\r')
            text += "\\r";
        else if (character == '\t')
            text += "\\t";
        else if (byte < 0x20 || byte >= 0x7f)
            text += fmt::format("\\x{:02x}", byte);
        else
            text.push_back(character);
    }
    return text + quote;
}

std::string running_of(std::string_view command) {
    return fmt::format("running `{}`", command);
}

}  // namespace

asio::awaitable<void> Machine::await_greeting() {
    auto begin = host_->time().now();
    shell::ReadyEvents events;
    events.quiet = [this] {
        log("Guest root shell did not produce any data yet...");
        log("  To debug, enter the VM and run 'systemctl status backdoor.service'.");
    };
    events.said = [this](std::string_view chunk) {
        log(fmt::format("Guest shell says: {}", python_bytes(chunk)));
    };
    auto deadline = own_deadline(greeting_limit);
    co_await unless_panicked(until_ready(std::move(events), deadline));
    // The greeting may be older than a panic; only an answer proves that the machine got over it.
    if (console_->panic()) {
        auto options =
            within(Limit{first_answer_limit, fmt::format("{}", first_answer_limit.count())});
        std::string question = "true";
        co_await execute(std::move(question), std::move(options));
    }
    log("connected to guest root shell");
    log(fmt::format("(connecting took {:.2f} seconds)", io::seconds(host_->time().now() - begin)));
    share_mounted_.reset();
    no_agent_.reset();
    unit_managers_.clear();
    co_await start_agent(first_answer_limit, io::Deadline::never());
    connected = true;
}

/// Of a guest that was restored from a snapshot the root shell has greeted long ago, but its agent
/// still runs.
asio::awaitable<void> Machine::until_ready(shell::ReadyEvents events, io::Deadline deadline) {
    auto instance = instance_;
    auto ready = running().shell().wait_ready(std::move(events), deadline);
    auto link = instance->agent();
    if (!link) {
        co_await std::move(ready);
        co_return;
    }
    bool greeted = co_await io::race(std::move(ready), link->until_adopted());
    if (greeted) link->take_greeting();
}

asio::awaitable<void> Machine::connect(StartOptions options) {
    if (connected) co_return;
    co_await start(std::move(options));
    try {
        co_await await_greeting();
    } catch (const io::TimeoutError& error) {
        ShellError late(fmt::format("{}: Shell did not start in time: {}", name(), error.what()));
        tell_facts(late);
        throw late;
    } catch (const io::Error& error) {
        ShellError lost(fmt::format("{}: {}", name(), error.what()));
        tell_facts(lost);
        throw lost;
    }
}

asio::awaitable<shell::CommandResult> Machine::execute(std::string command,
                                                       CommandOptions options) {
    Doing doing{running_of(command), options.limit, host_->time().now()};
    auto deadline = deadline_of(options.limit, host_->time());
    shell::check_command_text(command);
    auto so_far = std::make_shared<std::string>();
    bool under_way = false;
    std::exception_ptr failure;
    try {
        co_await ready_agent(deadline);
        under_way = !running().child().status();
        RunOptions run_options;
        run_options.limit = options.limit;
        run_options.keep_errors = false;
        run_options.set_off = !options.check_output;
        run_options.tell = options.tell;
        run_options.output_so_far = so_far;
        auto outcome = co_await run_by_agent(command, std::move(run_options), deadline);
        if (!outcome) {
            shell::Command plain{command, options.check_return, options.check_output, std::nullopt};
            if (options.limit) plain.guest_limit = options.limit->duration;
            auto result = co_await execute_plainly(std::move(plain), deadline);
            if (options.tell) log_output(result.output);
            co_return result;
        }
        if (!options.check_output) co_return shell::CommandResult{-2, ""};
        co_return shell::CommandResult{options.check_return ? outcome->status : -1,
                                       std::move(outcome->output)};
    } catch (const io::UsageError&) {
        throw;
    } catch (const io::TimeoutError&) {
        failure = std::current_exception();
    } catch (const io::Error& error) {
        failure = std::current_exception();
        // A caller who does not want the status expects the guest to go.
        if (!options.check_return && under_way) {
            log(fmt::format("`{}` has taken the guest along: {}", command, error.what()));
            co_return shell::CommandResult{options.check_output ? -1 : -2, std::move(*so_far)};
        }
    }
    co_await fail_call(failure, std::move(doing));
    co_return shell::CommandResult{};
}

void Machine::log_output(std::string_view output) const {
    io::LineSplitter lines(longest_line);
    lines.feed(output);
    while (auto line = lines.next()) log("| " + io::printable(*line, io::Colours::drop));
    if (!lines.rest().empty()) log("| " + io::printable(lines.rest(), io::Colours::drop));
}

asio::awaitable<shell::CommandResult> Machine::execute_plainly(shell::Command command,
                                                               io::Deadline deadline) {
    // Held here, so that a release in the meantime does not take it from under the command.
    auto instance = instance_;
    running();
    command.holder_limit = instance->holder_limit();
    auto earlier_panic = console_->panic();
    auto restored = [guest = instance->share_guest()]() -> asio::awaitable<std::string> {
        co_await guest->until_restored();
        co_return "the guest went back to an earlier state while the command was under way";
    };
    auto executed = unless(instance->shell().execute(std::move(command), deadline), restored);
    auto result = co_await unless_panicked(std::move(executed));
    // What was asked after a panic is answered by a kernel that lives.
    console_->forget_panic(earlier_panic);
    co_return result;
}

asio::awaitable<Outcome> Machine::run(std::string command, RunOptions options) {
    Doing doing{running_of(command), options.limit, host_->time().now()};
    auto deadline = deadline_of(options.limit, host_->time());
    shell::check_command_text(command);
    std::exception_ptr failure;
    try {
        auto outcome = co_await run_by_agent(command, options, deadline);
        if (outcome) co_return std::move(*outcome);
        if (options.input)
            throw io::Error(
                fmt::format("a command with input takes the agent, which is not there: {}",
                            no_agent_.value_or("the channel is plain")));
        shell::Command plain{command, true, true, std::nullopt};
        if (options.limit) plain.guest_limit = options.limit->duration;
        auto result = co_await execute_plainly(std::move(plain), deadline);
        if (options.tell) log_output(result.output);
        // `timeout` of the guest says so by that status.
        bool timed_out = options.limit && result.status == cut_off_status;
        auto spent = host_->time().now() - doing.begin;
        co_return Outcome{result.status, 0, std::move(result.output), "", spent, timed_out};
    } catch (const io::UsageError&) {
        throw;
    } catch (const io::Error&) {
        failure = std::current_exception();
    }
    co_await fail_call(failure, std::move(doing));
    co_return Outcome{};
}

asio::awaitable<io::UniqueFd> Machine::attach_shell() {
    auto instance = instance_;
    running();
    co_return co_await instance->shell().lend();
}

asio::awaitable<void> Machine::detach_shell() {
    if (instance_) instance_->shell().take_back();
    co_return;
}

}  // namespace charioteer::machine
