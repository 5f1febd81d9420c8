#include "machine/agent_runner.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "io/line_splitter.hpp"
#include "io/printable.hpp"

namespace charioteer::machine {

namespace {

/// Bytes of a standard error that are kept when not all of it is wanted.
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

}  // namespace

asio::awaitable<Outcome> AgentRunner::run(std::shared_ptr<AgentLink> link, Command command,
                                          std::shared_ptr<Outcome> so_far, io::Deadline deadline) {
    if (!command.want_output) {
        co_await start_detached(std::move(link), std::move(command), deadline);
        co_return Outcome{};
    }
    const auto& console = context_->console();
    auto earlier_panic = console->panic();
    auto input = std::exchange(command.input, std::nullopt);
    command.stream_input = input.has_value();
    auto all_errors = command.all_errors;
    auto log_output = command.log_output;
    auto call = link->channel().start(std::move(command));
    channel::CancelOnExit cancel(call);
    if (input) asio::co_spawn(context_->executor(), feed(call, std::move(*input)), asio::detached);
    auto collected =
        liveness_.unless_dead(link, collect(call, all_errors, log_output, std::move(so_far)));
    auto outcome = co_await liveness_.unless_silent(std::move(collected), deadline,
                                                    "the guest did not end the command");
    // The answer to a command that was sent after a panic proves that the kernel runs.
    console->forget_panic(earlier_panic);
    co_return outcome;
}

asio::awaitable<void> AgentRunner::start_detached(std::shared_ptr<AgentLink> link, Command command,
                                                  io::Deadline deadline) {
    auto call = link->channel().start(std::move(command));
    call->detach();
    auto started = liveness_.unless_dead(link, call->started());
    co_await deadline.limit(std::move(started), "the guest did not start the command");
}

asio::awaitable<Outcome> AgentRunner::collect(std::shared_ptr<channel::Call> call, bool all_errors,
                                              bool log_output, std::shared_ptr<Outcome> so_far) {
    auto& output = so_far->output;
    auto& errors = so_far->errors;
    io::LineSplitter error_lines(longest_line);
    io::LineSplitter output_lines(longest_line);
    auto handle_error = [this](std::string line) {
        context_->console()->add_line(std::move(line));
    };
    auto take_output = [this](const std::string& line) {
        context_->log("| " + io::printable(line, io::Colours::drop));
    };
    for (;;) {
        auto piece = co_await call->next();
        if (!piece) break;
        if (piece->source == channel::Source::errors) {
            take_lines(error_lines, piece->bytes, handle_error);
            errors += piece->bytes;
            if (!all_errors && errors.size() > 2 * errors_kept)
                errors.erase(0, errors.size() - errors_kept);
        } else {
            output += piece->bytes;
            if (log_output) take_lines(output_lines, piece->bytes, take_output);
        }
    }
    if (!error_lines.rest().empty()) handle_error(std::string(error_lines.rest()));
    if (!output_lines.rest().empty()) take_output(std::string(output_lines.rest()));
    auto outcome = call->outcome();
    outcome.output = std::move(output);
    outcome.errors = std::move(errors);
    co_return outcome;
}

}  // namespace charioteer::machine
