#include "machine/agent_runner.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "io/line_splitter.hpp"
#include "io/printable.hpp"

namespace charioteer::machine {

namespace {

/// What is kept of a standard error that is not collected, in bytes.
constexpr std::size_t errors_kept = 8 * 1024;
constexpr std::size_t longest_line = 64 * 1024;

asio::awaitable<void> feed(std::shared_ptr<channel::Call> call, std::string input) {
    try {
        co_await call->write(std::move(input));
        call->end_input();
    } catch (const io::Error&) {
        // The caller gets the same error where it collects the output.
    }
}

template <class Take>
void take_lines(io::LineSplitter& splitter, std::string_view bytes, Take take) {
    splitter.feed(bytes);
    while (auto line = splitter.next()) take(std::move(*line));
}

channel::Request request_of(const Command& command) {
    channel::Request request;
    request.text = command.text;
    request.strict = true;
    request.with_input = command.input.has_value();
    request.want_output = command.want_output;
    if (command.limit) request.limit = command.limit->duration;
    return request;
}

}  // namespace

asio::awaitable<Outcome> AgentRunner::run(std::shared_ptr<AgentLink> link, Command command,
                                          std::shared_ptr<std::string> output_so_far,
                                          io::Deadline deadline) {
    if (!command.want_output) {
        co_await start_detached(std::move(link), std::move(command), deadline);
        co_return Outcome{};
    }
    const auto& console = context_->console();
    auto earlier_panic = console->panic();
    auto call = link->channel().start(request_of(command));
    channel::CancelOnExit cancel(call);
    if (command.input)
        asio::co_spawn(context_->executor(), feed(call, std::move(*command.input)), asio::detached);
    auto collected = liveness_.unless_dead(
        link, collect(call, command.all_errors, command.log_output, std::move(output_so_far)));
    auto outcome = co_await liveness_.unless_silent(std::move(collected), deadline,
                                                    "the guest did not end the command");
    // An answer that was asked for after a panic proves that the kernel runs.
    console->forget_panic(earlier_panic);
    co_return outcome;
}

asio::awaitable<void> AgentRunner::start_detached(std::shared_ptr<AgentLink> link, Command command,
                                                  io::Deadline deadline) {
    auto call = link->channel().start(request_of(command));
    call->detach();
    auto started = liveness_.unless_dead(link, call->started());
    co_await deadline.limit(std::move(started), "the guest did not start the command");
}

asio::awaitable<Outcome> AgentRunner::collect(std::shared_ptr<channel::Call> call, bool all_errors,
                                              bool log_output,
                                              std::shared_ptr<std::string> output_so_far) {
    Outcome outcome;
    io::LineSplitter error_lines(longest_line);
    io::LineSplitter output_lines(longest_line);
    auto take_error = [this](std::string line) { context_->console()->add_line(std::move(line)); };
    auto take_output = [this](const std::string& line) {
        context_->log("| " + io::printable(line, io::Colours::drop));
    };
    for (;;) {
        auto piece = co_await call->next();
        if (!piece) break;
        if (piece->source == channel::Source::errors) {
            take_lines(error_lines, piece->bytes, take_error);
            outcome.errors += piece->bytes;
            if (!all_errors && outcome.errors.size() > 2 * errors_kept)
                outcome.errors.erase(0, outcome.errors.size() - errors_kept);
        } else {
            outcome.output += piece->bytes;
            if (output_so_far) *output_so_far += piece->bytes;
            if (log_output) take_lines(output_lines, piece->bytes, take_output);
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
