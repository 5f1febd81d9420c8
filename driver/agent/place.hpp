#pragma once

#include <stdint.h>

#include "frames/tree.hpp"

namespace charioteer::agent {

/// A name in an open directory.
struct Place {
    int directory = -1;
    bool owned = false;  ///< the directory is closed with the place
    char name[frames::max_name + 1] = {};

    /// False when it is too long for a name.
    bool set_name(const char* text);
    /// Opens `path`, from the directory that it has, as its new one. Returns what Linux said.
    long move_to(const char* path);
    void close();
};

/// Makes `path` a place: the target of links that stand there, though it may not exist. Returns
/// what Linux said; -EISDIR when that is a directory.
long follow_links(Place& place);

/// As `mkdir -p`. Returns 0 or what Linux said.
long make_directories(const char* path);

/// What is made under a name of its own next to where it belongs, ".charioteer-" and numbers, until
/// it is whole. There is one at a time.
class Temporary {
public:
    bool active() const { return active_; }

    // Each takes over the place. They return what Linux said, for the first two the descriptor.
    long make_file(const Place& place);
    long make_directory(const Place& place);
    long make_link(const Place& place, const char* target);

    /// Puts it where it belongs. Returns what Linux said.
    long commit();
    /// Removes it with all that is in it, if there is one.
    void remove();

private:
    template <class Make>
    long make(const Place& place, Make make);

    Place place_;
    uint64_t count_ = 0;
    // A signal's handler looks at it at any moment.
    volatile bool active_ = false;
    char name_[64] = {};
};

}  // namespace charioteer::agent
