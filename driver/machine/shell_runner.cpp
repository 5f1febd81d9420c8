#include "machine/shell_runner.hpp"

#include "machine/unless_panicked.hpp"

namespace charioteer::machine {

namespace {

template <class T>
asio::awaitable<T> unless_restored(Qemu& qemu, asio::awaitable<T> operation) {
    auto restored = [guest = qemu.share_guest()]() -> asio::awaitable<std::string> {
        co_await guest->until_restored();
        co_return "the guest was restored to an earlier state while the command was under way";
    };
    return unless(std::move(operation), restored);
}

}  // namespace

asio::awaitable<Outcome> ShellRunner::run(Command command, io::Deadline deadline) {
    // A reference, so that QEMU's object exists until the end of the command, even after a release.
    auto qemu = context_->running_qemu();
    auto earlier_panic = context_->console()->panic();
    bool log_output = command.log_output;
    auto executed = unless_restored(*qemu, qemu->shell().execute(std::move(command), deadline));
    auto outcome = co_await unless_panicked(*context_, std::move(executed));
    // The answer to a command that was sent after a panic proves that the kernel runs.
    context_->console()->forget_panic(earlier_panic);
    if (log_output) context_->log_output(outcome.output);
    co_return outcome;
}

asio::awaitable<Outcome> ShellRunner::append(std::string bytes, std::string file,
                                             io::Deadline deadline) {
    auto qemu = context_->running_qemu();
    Outcome outcome;
    for (std::size_t at = 0; at < bytes.size() && outcome.status == 0;
         at += shell::longest_append) {
        auto append = qemu->shell().append(bytes.substr(at, shell::longest_append), file, deadline);
        auto appended = unless_restored(*qemu, std::move(append));
        auto result = co_await unless_panicked(*context_, std::move(appended));
        outcome.status = result.status;
        outcome.output = std::move(result.output);
    }
    co_return outcome;
}

asio::awaitable<io::UniqueFd> ShellRunner::lend() {
    auto qemu = context_->running_qemu();
    co_return co_await qemu->shell().lend();
}

asio::awaitable<void> ShellRunner::take_back() {
    if (const auto& qemu = context_->qemu()) qemu->shell().take_back();
    co_return;
}

}  // namespace charioteer::machine
