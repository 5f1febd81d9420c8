// What a machine does by its root shell: commands, and waits made of them.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "io/with_deadline.hpp"
#include "machine/machine.hpp"
#include "machine/systemd.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Upstream gives up after ten slices of 30 s without a sign of life; under TCG five times as many.
constexpr auto greeting_limit = 300s;
/// What the host grants beyond the guest's own limit on a command.
constexpr auto answer_grace = 60s;
/// Of one question to systemd, as of any command.
const Limit unit_query_limit{900s, "900"};
constexpr auto shortest_pause = 20ms;
constexpr auto longest_pause = 1000ms;

CommandOptions within(Limit limit) {
    CommandOptions options;
    options.limit = std::move(limit);
    return options;
}

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

/// The pause before the next try: short at first, and no more than a third of the time goes into
/// trying when a try takes long.
io::Duration next_pause(io::Duration waited, io::Duration last_try) {
    return std::clamp<io::Duration>(std::max(waited / 32, last_try / 2), shortest_pause,
                                    longest_pause);
}

}  // namespace

template <class T>
asio::awaitable<T> Machine::unless_panicked(asio::awaitable<T> operation) {
    auto executor = host_->executor();
    auto console = console_;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(operation), asio::deferred),
        asio::co_spawn(executor, console->wait_for_panic(), asio::deferred));
    auto lost = [](const std::string& line) {
        return ShellError(fmt::format("the guest's kernel panicked: {}", line));
    };
    if constexpr (std::is_void_v<T>) {
        auto [order, failure, panic_failure, line] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        if (order[0] == 1 && !panic_failure) throw lost(line);
        if (failure) std::rethrow_exception(failure);
    } else {
        auto [order, failure, value, panic_failure, line] =
            co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        if (order[0] == 1 && !panic_failure) throw lost(line);
        if (failure) std::rethrow_exception(failure);
        co_return std::move(value);
    }
}

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
    co_await unless_panicked(running().shell().wait_ready(std::move(events), deadline));
    // The greeting may be older than a panic; only an answer proves that the machine got over it.
    if (console_->panic()) {
        auto options = within(Limit{answer_grace, fmt::format("{}", answer_grace.count())});
        std::string question = "true";
        co_await execute(std::move(question), std::move(options));
    }
    log("connected to guest root shell");
    log(fmt::format("(connecting took {:.2f} seconds)", io::seconds(host_->time().now() - begin)));
    share_mounted_.reset();
    connected = true;
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

asio::awaitable<shell::CommandResult> Machine::execute(std::string text, CommandOptions options) {
    auto begin = host_->time().now();
    std::string shown = text;
    auto explain = [&](const io::Error& error) {
        ShellError lost(fmt::format("{}: {}", name(), error.what()));
        for (const auto& note : error.notes()) lost.add_note(note);
        lost.add_note(fmt::format("while running `{}`, for {:.1f} s", shown,
                                  io::seconds(host_->time().now() - begin)));
        tell_facts(lost);
        return lost;
    };
    std::optional<io::Duration> host_limit;
    // To the guest, 0 is no limit.
    if (options.limit && options.limit->duration > io::Duration::zero())
        host_limit = (options.limit->duration + answer_grace) * accelerator_.patience();
    shell::Command command;
    command.text = std::move(text);
    command.want_status = options.check_return;
    command.want_output = options.check_output;
    if (options.limit) command.guest_limit = options.limit->duration;
    try {
        // Held here, so that a release in the meantime does not take it from under the command.
        auto instance = instance_;
        running();
        auto earlier_panic = console_->panic();
        auto result =
            co_await unless_panicked(instance->shell().execute(std::move(command), host_limit));
        // What was asked after a panic is answered by a kernel that lives.
        console_->forget_panic(earlier_panic);
        co_return result;
    } catch (const io::UsageError&) {
        throw;
    } catch (const io::Error& error) {
        throw explain(error);
    }
}

asio::awaitable<std::string> Machine::wait_for_command(std::string command, bool success,
                                                       Limit limit) {
    auto& time = host_->time();
    auto begin = time.now();
    for (;;) {
        bool last = time.now() - begin >= limit.duration;
        auto tried = time.now();
        auto options = within(limit);
        auto result = co_await execute(command, options);
        if ((result.status == 0) == success) co_return result.output;
        auto waited = time.now() - begin;
        if (last) {
            RequestFailed late(fmt::format("action timed out after {:.2f} seconds (timeout={})",
                                           io::seconds(waited), limit.text));
            late.add_note(fmt::format("{}: the last try of `{}` ended with status {}", name(),
                                      command, result.status));
            if (!result.output.empty())
                late.add_note("its output: " + result.output.substr(0, 2000));
            tell_facts(late);
            throw late;
        }
        auto pause = next_pause(waited, time.now() - tried);
        co_await time.sleep_for(std::min(pause, limit.duration - waited));
    }
}

asio::awaitable<std::string> Machine::unit_state(std::string unit,
                                                 std::optional<std::string> user) {
    auto show =
        systemctl_command(fmt::format("--no-pager show --property=ActiveState \"{}\"", unit), user);
    auto options = within(unit_query_limit);
    auto result = co_await execute(show, options);
    if (result.status != 0)
        throw RequestFailed(
            fmt::format("retrieving systemctl info for unit \"{}\"{} failed with exit code {}",
                        unit, user ? fmt::format(" under user \"{}\"", *user) : "", result.status));
    co_return std::string(unit_property(result.output, "ActiveState"));
}

asio::awaitable<bool> Machine::unit_settled(std::string unit, std::optional<std::string> user) {
    auto state = co_await unit_state(unit, user);
    if (state == "active") co_return true;
    if (state == "failed")
        throw RequestFailed(fmt::format("unit \"{}\" reached state \"failed\"", unit));
    if (state != "inactive") co_return false;
    auto list_jobs = systemctl_command("list-jobs --full 2>&1", user);
    auto options = within(unit_query_limit);
    auto jobs = co_await execute(list_jobs, options);
    if (jobs.output.find("No jobs") == std::string::npos) co_return false;
    // The job may have ended between the two questions.
    if (co_await unit_state(unit, user) == state)
        throw RequestFailed(
            fmt::format("unit \"{}\" is inactive and there are no pending jobs", unit));
    co_return false;
}

asio::awaitable<std::string> Machine::unit_status(std::string unit,
                                                  std::optional<std::string> user) {
    auto ask = systemctl_command(
        fmt::format("--no-pager --lines=10 status \"{}\" 2>&1 || true", unit), user);
    auto options = within(Limit{30s, "30"});
    try {
        co_return (co_await execute(ask, options)).output;
    } catch (const io::Error&) {
        co_return "(the guest does not answer)";
    }
}

asio::awaitable<void> Machine::wait_for_unit(std::string unit, std::optional<std::string> user,
                                             Limit limit) {
    auto& time = host_->time();
    auto begin = time.now();
    std::exception_ptr failure;
    try {
        for (;;) {
            bool last = time.now() - begin >= limit.duration;
            auto tried = time.now();
            if (co_await unit_settled(unit, user)) co_return;
            auto waited = time.now() - begin;
            if (last)
                throw RequestFailed(
                    fmt::format("action timed out after {:.2f} seconds (timeout={})",
                                io::seconds(waited), limit.text));
            auto pause = next_pause(waited, time.now() - tried);
            co_await time.sleep_for(std::min(pause, limit.duration - waited));
        }
    } catch (RequestFailed& error) {
        error.add_note(fmt::format("{}: waited {:.1f} s for unit \"{}\"", name(),
                                   io::seconds(time.now() - begin), unit));
        failure = std::current_exception();
    }
    // What the unit says of itself is what its reader asks first.
    auto status = co_await unit_status(unit, user);
    try {
        std::rethrow_exception(failure);
    } catch (RequestFailed& error) {
        error.add_note("systemctl status:\n" + status);
        throw;
    }
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
