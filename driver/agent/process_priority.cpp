#include "agent/process_priority.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

constexpr int answering_nice = -10;

/// Enough for the largest number of commands, each of which has three files.
constexpr rlim_t files_needed = 16 * 1024;

/// Returns the previous limit, which commands get.
rlimit raise_file_limit() {
    rlimit given{};
    if (sys::file_limit(nullptr, &given) != 0) return {};
    auto raised = given;
    if (raised.rlim_max < files_needed) raised.rlim_max = files_needed;
    raised.rlim_cur = raised.rlim_max;
    if (sys::file_limit(&raised, nullptr) == 0) return given;
    raised.rlim_cur = raised.rlim_max = given.rlim_max;
    sys::file_limit(&raised, nullptr);
    return given;
}

}  // namespace

ProcessPriority raise_priority() {
    ProcessPriority before{.open_files = raise_file_limit(), .nice = sys::nice()};
    if (before.nice > answering_nice) sys::set_nice(answering_nice);
    return before;
}

void restore(const ProcessPriority& before) {
    if (before.open_files.rlim_max != 0) sys::file_limit(&before.open_files, nullptr);
    sys::set_nice(before.nice);
}

}  // namespace charioteer::agent
