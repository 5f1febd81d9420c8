#include "channel/codec.hpp"

#include <algorithm>
#include <chrono>

namespace charioteer::channel {

namespace {

using namespace std::chrono_literals;

/// How long after the end of its shell the agent reports which processes hold a command's output.
constexpr auto holder_report = 10s;

/// The field of a frame: 0 is no limit; a limit that is too long for the field is shortened.
std::uint32_t milliseconds(io::Duration limit) {
    if (limit <= io::Duration::zero()) return 0;
    auto count = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    return static_cast<std::uint32_t>(std::min<std::int64_t>(count, UINT32_MAX));
}

}  // namespace

frames::Exec exec_of(const command::Command& command, std::uint32_t output_window,
                     io::Duration holder_limit) {
    using Kind = command::Command::Kind;
    frames::Exec exec;
    exec.credit = output_window;
    auto set = [&](bool is, frames::Exec::Flag flag) { exec.flags |= is ? flag : 0u; };
    set(command.kind == Kind::built_in, frames::Exec::built_in);
    set(command.kind == Kind::strict_script, frames::Exec::strict);
    set(command.kind == Kind::posix_script, frames::Exec::posix);
    set(command.stream_input, frames::Exec::with_input);
    set(!command.want_output, frames::Exec::no_output);
    set(command.terminal.has_value(), frames::Exec::on_terminal);
    if (command.terminal) {
        exec.rows = command.terminal->rows;
        exec.columns = command.terminal->columns;
    }
    if (command.limit) exec.limit = milliseconds(command.limit->duration);
    exec.holder_report = milliseconds(holder_report);
    exec.holder_limit = milliseconds(holder_limit);
    return exec;
}

command::Outcome outcome_of(const frames::Exit& exit) {
    command::Outcome outcome;
    outcome.status = static_cast<int>(exit.status);
    outcome.signal = static_cast<int>(exit.signal);
    outcome.timed_out = exit.timed_out != 0;
    outcome.duration = std::chrono::microseconds(exit.microseconds);
    return outcome;
}

HeldOutput::State held_state_of(const frames::Exit& exit) {
    return exit.held == frames::Exit::not_ended ? HeldOutput::State::not_ended
                                                : HeldOutput::State::given_up;
}

}  // namespace charioteer::channel
