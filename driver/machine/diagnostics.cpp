#include "machine/diagnostics.hpp"

#include <fmt/format.h>

#include "io/printable.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// For the query of QEMU's state.
constexpr auto state_limit = 5s;
/// Lines of the console in an error's notes.
constexpr std::size_t lines_shown = 10;

}  // namespace

void Diagnostics::annotate(io::Error& error) const {
    if (const auto& qemu = context_->qemu()) error.add_note(qemu->state());
    const auto& accelerator = context_->accelerator();
    if (accelerator.accelerator == Accelerator::tcg) error.add_note(accelerator.describe());
    auto lines = context_->console()->last_lines(lines_shown);
    if (lines.empty()) return;
    std::string block = "last lines of the console:";
    for (const auto& line : lines) block += "\n  " + io::printable(line, io::Colours::drop);
    error.add_note(std::move(block));
}

ShellError Diagnostics::explain(const io::Error& error, std::string_view activity,
                                io::TimePoint begin) const {
    ShellError lost(fmt::format("{}: {}", context_->name(), error.what()));
    for (const auto& note : error.notes()) lost.add_note(note);
    auto spent = context_->time().now() - begin;
    lost.add_note(fmt::format("while {}, for {:.1f} s", activity, io::seconds(spent)));
    annotate(lost);
    return lost;
}

/// "running", "paused" and the like, or that QEMU has ended; empty for a container.
asio::awaitable<std::string> Diagnostics::run_state() const {
    if (context_->config().is_container) co_return "";
    auto qemu = context_->qemu();
    if (!qemu || qemu->child().status()) co_return "ended";
    auto deadline = context_->time().deadline_after(state_limit);
    co_return co_await query_run_state(qemu->qmp(), deadline);
}

asio::awaitable<void> Diagnostics::fail_call(std::exception_ptr failure,
                                             CallDescription call) const {
    auto self = *this;
    // After the handler, since nothing can be awaited in one.
    bool late = false;
    try {
        std::rethrow_exception(failure);
    } catch (const io::TimeoutError&) {
        late = true;
    } catch (const io::Error&) {
        // Thrown unchanged.
    }
    std::string state;
    if (late) state = co_await self.run_state();
    try {
        std::rethrow_exception(failure);
    } catch (const io::Error& error) {
        auto what = fmt::format("{} ({})", call.what, command::describe(call.limit, call.excess));
        auto explained = self.explain(error, what, call.begin);
        if (!state.empty()) explained.add_note(fmt::format("QEMU's state of the guest: {}", state));
        throw explained;
    }
}

}  // namespace charioteer::machine
