// What a machine does about the deadlines of its callers.

#include <fmt/format.h>

#include "machine/machine.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// Of QEMU, for its state in an error's text.
constexpr auto state_patience = 5s;
/// Of an agent after a deadline. Then it is asked again and again.
constexpr auto answer_patience = 10s;
constexpr auto answer_interval = 5s;

}  // namespace

asio::awaitable<std::string> Machine::run_state() {
    auto instance = instance_;
    if (!instance || instance->child().status()) co_return "gone";
    co_return co_await query_run_state(instance->qmp(),
                                       host_->time().deadline_after(state_patience));
}

/// Returns when the guest has to be given up: `deadline` has passed, and the agent does not answer.
/// Never returns while the root shell serves, whose commands have deadlines of their own.
asio::awaitable<void> Machine::until_silent(io::Deadline deadline, std::string what) {
    auto& time = host_->time();
    co_await time.sleep_until(deadline.when());
    for (bool logged = false;; logged = true) {
        auto link = instance_ ? instance_->agent() : nullptr;
        bool by_shell = !link || no_agent_;
        bool answers = false;
        if (!by_shell && link->usable()) answers = co_await link->answers(answer_patience);
        if (!by_shell && !answers) co_return;
        if (!by_shell && !logged)
            log(fmt::format("{} in time, but the guest answers: waiting on", what));
        co_await time.sleep_for(answer_interval);
    }
}

ShellError Machine::explain(const io::Error& error, std::string_view doing, io::TimePoint begin) {
    ShellError lost(fmt::format("{}: {}", name(), error.what()));
    for (const auto& note : error.notes()) lost.add_note(note);
    lost.add_note(
        fmt::format("while {}, for {:.1f} s", doing, io::seconds(host_->time().now() - begin)));
    tell_facts(lost);
    return lost;
}

asio::awaitable<void> Machine::fail_call(std::exception_ptr failure, Doing doing) {
    // Apart: nothing can be awaited while an exception is handled.
    bool late = false;
    try {
        std::rethrow_exception(failure);
    } catch (const io::TimeoutError&) {
        late = true;
    } catch (const io::Error&) {
        // As it is.
    }
    std::string state;
    if (late) state = co_await run_state();
    try {
        std::rethrow_exception(failure);
    } catch (const io::Error& error) {
        auto what = fmt::format("{} ({})", doing.what, describe(doing.limit));
        auto explained = explain(error, what, doing.begin);
        if (late) explained.add_note(fmt::format("QEMU's state of the guest: {}", state));
        throw explained;
    }
}

}  // namespace charioteer::machine
