#include "machine/monitor.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// For a reply under KVM: long, since QEMU's main loop may be delayed on a loaded host.
constexpr auto reply_limit = 60s;
constexpr auto console_limit = 60s;

/// The id of the job that a command starts; empty when it has none.
std::string job_of(const json::object& arguments) {
    const auto* id = arguments.if_contains("job-id");
    return id != nullptr && id->is_string() ? std::string(id->get_string()) : std::string();
}

}  // namespace

asio::awaitable<json::value> Monitor::qmp(std::string command, json::object arguments,
                                          io::Deadline caller) {
    auto qemu = context_->running_qemu();
    auto bound = reply_limit * context_->accelerator().limit_factor();
    auto deadline = command::at_most(bound, caller, context_->time());
    auto& guest = qemu->guest();
    auto job = command == "snapshot-load" ? job_of(arguments) : std::string();
    try {
        // Before the command: the job's events may come before the reply.
        if (!job.empty()) guest.expect_restore(job);
        co_return co_await qemu->qmp().execute(std::move(command), std::move(arguments), deadline);
    } catch (qmp::CommandError& error) {
        guest.forget_restore(job);
        error.add_context(context_->name());
        throw;
    } catch (io::Error& error) {
        error.add_context(context_->name());
        throw;
    }
}

asio::awaitable<std::string> Monitor::human(std::string command) {
    auto qemu = context_->running_qemu();
    auto deadline = context_->deadline_after(reply_limit);
    bool restores = command.starts_with("loadvm");
    try {
        auto answer = co_await qemu->qmp().human(std::move(command), deadline);
        if (restores && !answer.starts_with("Error:")) qemu->guest().note_restored();
        co_return answer;
    } catch (io::Error& error) {
        error.add_context(context_->name());
        throw;
    }
}

asio::awaitable<json::object> Monitor::next_event(io::Deadline deadline) {
    auto qemu = context_->running_qemu();
    co_return co_await qemu->qmp().next_event(deadline);
}

asio::awaitable<void> Monitor::send_console(std::string bytes) {
    auto qemu = context_->running_qemu();
    co_await qemu->child().write(std::move(bytes), context_->deadline_after(console_limit));
}

}  // namespace charioteer::machine
