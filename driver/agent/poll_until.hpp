#pragma once

#include "agent/backoff.hpp"
#include "agent/system.hpp"
#include "agent/text.hpp"

namespace charioteer::agent {

enum class Answer { no, yes, unknown };

constexpr int usage_error = 2;
constexpr int unknown_result = 3;

/// Calls check() repeatedly until it returns `wanted`. Returns the exit status.
template <class Check>
int poll_until(Answer wanted, Check check) {
    Backoff backoff(sys::processor_time());
    for (;;) {
        auto answer = check();
        if (answer == wanted) return 0;
        if (answer == Answer::unknown) return unknown_result;
        sys::sleep(backoff.next_delay(sys::processor_time()));
    }
}

/// Calls visit(line) for the lines of a table of the kernel after its heading, until it returns
/// true. False if the table does not exist.
template <class Visit>
bool read_table(const char* path, Visit visit) {
    auto opened = sys::open(path, O_RDONLY | O_CLOEXEC);
    if (opened < 0) return false;
    auto file = static_cast<int>(opened);
    char room[8192];
    size_t kept = 0;
    bool heading = true;
    for (bool done = false; !done;) {
        auto got = sys::read(file, room + kept, sizeof room - kept);
        if (got <= 0) break;
        auto size = kept + static_cast<size_t>(got);
        size_t begin = 0;
        for (auto at = kept; at < size && !done; ++at) {
            if (room[at] != '\n') continue;
            room[at] = '\0';
            done = !heading && visit(static_cast<const char*>(room + begin));
            heading = false;
            begin = at + 1;
        }
        kept = size - begin;
        if (kept == sizeof room) kept = 0;  // not a table: its lines are short
        memmove(room, room + begin, kept);
    }
    sys::close(file);
    return true;
}

/// The rest of a line from its field `number` on, counted from 0.
inline const char* field(const char* line, int number) {
    for (;; --number) {
        while (*line == ' ') ++line;
        if (number == 0) return line;
        while (*line != ' ' && *line != '\0') ++line;
    }
}

}  // namespace charioteer::agent
