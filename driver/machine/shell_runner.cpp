#include "machine/shell_runner.hpp"

#include "machine/unless_panicked.hpp"

namespace charioteer::machine {

asio::awaitable<Outcome> ShellRunner::run(Command command, io::Deadline deadline) {
    // Held here, so that a release in the meantime does not take it from under the command.
    auto qemu = context_->running_qemu();
    auto begin = context_->time().now();
    auto earlier_panic = context_->console()->panic();
    shell::Command plain{command.text, command.want_status, command.want_output, std::nullopt};
    if (command.limit) plain.guest_limit = command.limit->duration;
    plain.holder_limit = qemu->holder_limit();
    auto restored = [guest = qemu->share_guest()]() -> asio::awaitable<std::string> {
        co_await guest->until_restored();
        co_return "the guest went back to an earlier state while the command was under way";
    };
    auto executed = unless(qemu->shell().execute(std::move(plain), deadline), restored);
    auto result = co_await unless_panicked(*context_, std::move(executed));
    // An answer that was asked for after a panic proves that the kernel runs.
    context_->console()->forget_panic(earlier_panic);
    if (command.log_output) context_->log_output(result.output);
    // `timeout` of the guest gives that status.
    bool timed_out = command.limit && result.status == command::cut_off_status;
    auto spent = context_->time().now() - begin;
    co_return Outcome{result.status, 0, std::move(result.output), "", spent, timed_out};
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
