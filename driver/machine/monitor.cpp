// What a machine does by QEMU's monitor and serial port.

#include <fmt/format.h>

#include "machine/machine.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// QEMU answers from its main loop, which a loaded host may keep waiting.
constexpr auto answer_limit = 60s;
constexpr auto console_limit = 60s;

}  // namespace

asio::awaitable<json::value> Machine::qmp(std::string command, json::object arguments) {
    auto instance = instance_;
    running();
    bool restores = command == "snapshot-load";
    try {
        if (restores) instance->guest().note_restored();
        co_return co_await instance->qmp().execute(std::move(command), std::move(arguments),
                                                   own_deadline(answer_limit));
    } catch (io::Error& error) {
        error.add_context(name());
        throw;
    }
}

asio::awaitable<std::string> Machine::monitor(std::string command) {
    auto instance = instance_;
    running();
    bool restores = command.starts_with("loadvm");
    try {
        auto answer =
            co_await instance->qmp().human(std::move(command), own_deadline(answer_limit));
        if (restores) instance->guest().note_restored();
        co_return answer;
    } catch (io::Error& error) {
        error.add_context(name());
        throw;
    }
}

asio::awaitable<json::object> Machine::next_qmp_event(io::Deadline deadline) {
    auto instance = instance_;
    running();
    co_return co_await instance->qmp().next_event(deadline);
}

asio::awaitable<std::string> Machine::console_text() {
    co_return console_->text();
}

asio::awaitable<std::vector<std::string>> Machine::console_tail(std::size_t count) {
    co_return console_->last_lines(count);
}

asio::awaitable<std::vector<std::string>> Machine::next_console_lines(io::Deadline deadline) {
    auto console = console_;
    co_return co_await console->next_lines(deadline);
}

asio::awaitable<ConsoleText> Machine::next_console_text(ConsoleMark seen, io::Deadline deadline) {
    auto console = console_;
    co_return co_await console->next_text(seen, deadline);
}

asio::awaitable<void> Machine::take_console_rest(ConsoleMark mark) {
    console_->take_rest(mark);
    co_return;
}

asio::awaitable<void> Machine::send_console(std::string bytes) {
    auto instance = instance_;
    running();
    co_await instance->child().write(std::move(bytes), own_deadline(console_limit));
}

asio::awaitable<void> Machine::add_console_lines(std::vector<std::string> lines) {
    for (auto& line : lines) console_->add_line(std::move(line));
    co_return;
}

}  // namespace charioteer::machine
