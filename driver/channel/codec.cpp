#include "channel/codec.hpp"

#include <algorithm>
#include <chrono>

namespace charioteer::channel {

namespace {

using namespace std::chrono_literals;

/// How long after the end of its shell the agent reports which processes hold a command's output.
constexpr auto holder_report = 10s;

/// As a frame has it: 0 is none, and what is longer than fits is cut.
std::uint32_t milliseconds(io::Duration limit) {
    if (limit <= io::Duration::zero()) return 0;
    auto count = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    return static_cast<std::uint32_t>(std::min<std::int64_t>(count, UINT32_MAX));
}

}  // namespace

frames::Exec exec_of(const Request& request, io::Duration holder_limit) {
    frames::Exec exec;
    exec.credit = request.output_window;
    auto set = [&](bool is, frames::Exec::Flag flag) { exec.flags |= is ? flag : 0u; };
    set(request.built_in, frames::Exec::built_in);
    set(request.strict, frames::Exec::strict);
    set(request.with_input, frames::Exec::with_input);
    set(!request.want_output, frames::Exec::no_output);
    set(request.terminal.has_value(), frames::Exec::on_terminal);
    if (request.terminal) {
        exec.rows = request.terminal->rows;
        exec.columns = request.terminal->columns;
    }
    if (request.limit) exec.limit = milliseconds(*request.limit);
    exec.holder_report = milliseconds(holder_report);
    exec.holder_limit = milliseconds(holder_limit);
    return exec;
}

Ending ending_of(const frames::Exit& exit) {
    Ending ending;
    ending.status = static_cast<int>(exit.status);
    ending.signal = static_cast<int>(exit.signal);
    ending.timed_out = exit.timed_out != 0;
    ending.duration = std::chrono::microseconds(exit.microseconds);
    return ending;
}

}  // namespace charioteer::channel
