#include "agent/precedence.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

constexpr int answering_nice = -10;

/// Commands inherit what the agent was given; the agent itself needs three files for each of them.
rlimit raise_file_limit() {
    rlimit given{};
    if (sys::file_limit(nullptr, &given) != 0) return {};
    auto raised = given;
    raised.rlim_cur = raised.rlim_max;
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
