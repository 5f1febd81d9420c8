#include "machine/shell_greeting.hpp"

#include <fmt/format.h>

#include "io/race.hpp"
#include "machine/unless_panicked.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Upstream's limit of ten times 30 s under KVM; under TCG five times as long.
constexpr auto greeting_limit = 300s;
/// For the first answer after a panic.
constexpr auto first_answer_limit = 60s;

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

}  // namespace

asio::awaitable<void> ShellGreeting::wait() {
    auto begin = context_->time().now();
    auto deadline = context_->deadline_after(greeting_limit);
    co_await unless_panicked(*context_, until_ready_or_restored(deadline));
    // The greeting may be older than a panic; only an answer proves that the machine still runs.
    if (context_->console()->panic()) {
        Limit limit{first_answer_limit, fmt::format("{}", first_answer_limit.count())};
        Command probe{.text = "true", .limit = limit};
        auto answer_deadline = command::deadline_of(probe.limit, context_->time());
        co_await ShellRunner(context_).run(std::move(probe), answer_deadline);
    }
    auto spent = context_->time().now() - begin;
    context_->sink()({io::EventKind::state, context_->name(), "ready"});
    context_->log("connected to guest root shell");
    context_->log(fmt::format("(connecting took {:.2f} seconds)", io::seconds(spent)));
}

asio::awaitable<void> ShellGreeting::until_ready(io::Deadline deadline) {
    auto qemu = context_->running_qemu();
    shell::ReadyEvents events;
    events.silent = [context = context_] {
        context->log("Guest root shell did not produce any data yet...");
        context->log("  To debug, enter the VM and run 'systemctl status backdoor.service'.");
    };
    events.received = [context = context_](std::string_view chunk) {
        context->log(fmt::format("Guest shell says: {}", python_bytes(chunk)));
    };
    co_await qemu->shell().wait_ready(std::move(events), deadline);
}

/// In a guest that was restored from a snapshot the root shell sends no greeting, but the agent
/// runs.
asio::awaitable<void> ShellGreeting::until_ready_or_restored(io::Deadline deadline) {
    auto qemu = context_->running_qemu();
    auto link = qemu->agent();
    if (!link) {
        co_await until_ready(deadline);
        co_return;
    }
    bool greeted = co_await io::race(until_ready(deadline), link->until_adopted());
    if (greeted) link->handle_greeting();
}

}  // namespace charioteer::machine
