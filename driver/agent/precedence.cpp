#include "agent/precedence.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

constexpr int answering_nice = -10;
constexpr const char* never_killed = "-1000";
constexpr const char* oom_score_file = "/proc/self/oom_score_adj";
/// Where Linux does not say.
constexpr uint64_t usual_open_files = 1024;

/// Commands inherit what the agent was given; the agent itself needs three files for each of them.
uint64_t raise_file_limit() {
    rlimit limit{};
    if (sys::file_limit(nullptr, &limit) != 0) return usual_open_files;
    auto given = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    sys::file_limit(&limit, nullptr);
    return given;
}

Text<8> read_oom_score() {
    Text<8> score;
    auto file = static_cast<int>(sys::open(oom_score_file, O_RDONLY | O_CLOEXEC));
    if (file < 0) return score;
    char room[8];
    auto got = sys::read(file, room, sizeof room);
    sys::close(file);
    if (got > 0) score.add(room, static_cast<size_t>(got));
    return score;
}

void write_oom_score(const char* score) {
    auto file = static_cast<int>(sys::open(oom_score_file, O_WRONLY | O_CLOEXEC));
    if (file < 0) return;
    sys::write(file, score, strlen(score));
    sys::close(file);
}

}  // namespace

Precedence raise_precedence() {
    Precedence before{
        .open_files = raise_file_limit(), .nice = sys::nice(), .oom_score = read_oom_score()};
    if (before.nice > answering_nice) sys::set_nice(answering_nice);
    write_oom_score(never_killed);
    return before;
}

void restore(const Precedence& before) {
    rlimit limit{};
    if (sys::file_limit(nullptr, &limit) == 0) {
        limit.rlim_cur = before.open_files;
        sys::file_limit(&limit, nullptr);
    }
    sys::set_nice(before.nice);
    if (before.oom_score.size() > 0) write_oom_score(before.oom_score.c_str());
}

}  // namespace charioteer::agent
