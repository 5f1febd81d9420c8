#pragma once

#include "agent/system.hpp"

namespace charioteer::agent {

/// Calls visit(name) for the entries of a directory until it returns true; whether it has.
template <class Visit>
bool any_entry(const char* path, Visit visit) {
    auto directory = sys::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return false;
    bool found = false;
    alignas(sys::DirectoryEntry) char room[4096];
    for (;;) {
        auto got = sys::entries(static_cast<int>(directory), room, sizeof room);
        if (got <= 0) break;
        for (long at = 0; at < got && !found;) {
            const auto* entry = reinterpret_cast<const sys::DirectoryEntry*>(room + at);
            found = visit(entry->name);
            at += entry->size;
        }
        if (found) break;
    }
    sys::close(static_cast<int>(directory));
    return found;
}

}  // namespace charioteer::agent
