#include "machine/copy_steps.hpp"

#include "machine/diagnostics.hpp"

namespace charioteer::machine {

namespace {

/// Bytes of a failed step's output in its error.
constexpr std::size_t longest_shown = 4096;

}  // namespace

void expect_success(std::shared_ptr<const Context> context, const command::Outcome& outcome) {
    if (outcome.status == 0) return;
    CopyFailed failed(fmt::format("the guest's command ended with exit code {}", outcome.status));
    if (outcome.output.size() < longest_shown) failed.add_note(outcome.output);
    Diagnostics(std::move(context)).annotate(failed);
    throw failed;
}

asio::awaitable<std::string> run_copy_step(std::shared_ptr<const Context> context,
                                           std::shared_ptr<command::Runner> runner,
                                           std::string text) {
    command::Command command{
        .text = std::move(text),
        .limit = Limit{copy_step_limit, fmt::format("{}", copy_step_limit.count())}};
    auto outcome = co_await runner->run(std::move(command));
    expect_success(std::move(context), outcome);
    co_return std::move(outcome.output);
}

}  // namespace charioteer::machine
