#include "agent/precedence.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

constexpr int answering_nice = -10;

/// What the most commands need, of which each has three files.
constexpr rlim_t files_needed = 16 * 1024;

/// Commands inherit what the agent was given.
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

Precedence raise_precedence() {
    Precedence before{.open_files = raise_file_limit(), .nice = sys::nice()};
    if (before.nice > answering_nice) sys::set_nice(answering_nice);
    return before;
}

void restore(const Precedence& before) {
    if (before.open_files.rlim_max != 0) sys::file_limit(&before.open_files, nullptr);
    sys::set_nice(before.nice);
}

}  // namespace charioteer::agent
