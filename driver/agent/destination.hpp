#pragma once

#include <stdint.h>

#include "frames/tree.hpp"

namespace charioteer::agent {

/// Where a file is to be created: a name in an open directory.
struct Destination {
    int directory = -1;
    bool owned = false;  ///< close() closes the directory
    char name[frames::max_name + 1] = {};

    /// False if it is too long for a name.
    bool set_name(const char* text);
    /// Opens `path`, relative to the directory, as the new directory. Returns 0 or a negative
    /// errno.
    long move_to(const char* path);
    void close();
};

/// Replaces a destination that is a symbolic link by the target of the link, which need not exist.
/// Returns 0 or a negative errno; -EISDIR if the target is a directory.
long follow_links(Destination& destination);

/// Like `mkdir -p`. Returns 0 or a negative errno.
long make_directories(const char* path);

/// A file, directory or link that is created under a temporary name, ".charioteer-" and numbers, in
/// the directory of its destination, and renamed once it is complete. There is one at a time.
class Temporary {
public:
    bool active() const { return active_; }

    // Each takes ownership of the destination. They return 0, or a descriptor for the first two, or
    // a negative errno.
    long make_file(const Destination& destination);
    long make_directory(const Destination& destination);
    long make_link(const Destination& destination, const char* target);

    /// Renames it to its destination. Returns 0 or a negative errno.
    long commit();
    /// Removes it with its content, if there is one.
    void remove();

private:
    template <class Make>
    long make(const Destination& destination, Make make);

    Destination destination_;
    uint64_t count_ = 0;
    // A signal handler may read it at any moment.
    volatile bool active_ = false;
    char name_[64] = {};
};

}  // namespace charioteer::agent
