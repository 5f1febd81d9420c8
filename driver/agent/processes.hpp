#pragma once

#include <stdint.h>

#include "agent/directory.hpp"
#include "agent/text.hpp"

namespace charioteer::agent {

/// Processes, for messages: "name (pid n)", separated by ", ".
using ProcessList = Text<256>;

/// Fields of /proc/PID/stat: "12 (name) R 1 12 ...".
struct ProcessStatus {
    Text<64> name;
    char state = '\0';
    uint64_t group = 0;
};

/// False when there is no such process, or no /proc. `process` is the text of its number.
bool read_status(const char* process, ProcessStatus& status);

void add(ProcessList& list, const char* process, const ProcessStatus& status);
/// Ends a full list with "...".
void mark_if_full(ProcessList& list);

/// The processes for which matches(number, status) is true; the number is text. Takes some
/// milliseconds. Empty without /proc.
template <class Matches>
ProcessList list_processes(Matches matches) {
    ProcessList list;
    any_entry("/proc", [&](const char* process) {
        ProcessStatus status;
        if (*process < '1' || *process > '9' || !read_status(process, status)) return false;
        if (matches(process, status)) add(list, process, status);
        return list.full();
    });
    mark_if_full(list);
    return list;
}

/// The other processes that have the other end of one of this process's pipes open, as far as /proc
/// shows their open files.
ProcessList find_pipe_holders(int pipe);

/// The processes of a group that have not ended.
ProcessList find_group_members(long group);

}  // namespace charioteer::agent
