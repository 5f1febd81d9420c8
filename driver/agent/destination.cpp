#include "agent/destination.hpp"

#include "agent/system.hpp"
#include "agent/text.hpp"

namespace charioteer::agent {

namespace {

constexpr int most_links = 40;  // the limit of Linux
constexpr int most_names = 1000;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

void remove_tree(int directory, const char* name) {
    if (sys::remove_at(directory, name, 0) != -EISDIR) return;
    auto fd = static_cast<int>(sys::open_at(directory, name, directory_flags));
    if (fd < 0) return;
    sys::change_mode(fd, 0700);
    alignas(sys::DirectoryEntry) char room[4096];
    for (;;) {
        auto got = sys::entries(fd, room, sizeof room);
        if (got <= 0) break;
        for (long at = 0; at < got;) {
            const auto* entry = reinterpret_cast<const sys::DirectoryEntry*>(room + at);
            if (!same(entry->name, ".") && !same(entry->name, "..")) remove_tree(fd, entry->name);
            at += entry->size;
        }
    }
    sys::close(fd);
    sys::remove_at(directory, name, AT_REMOVEDIR);
}

}  // namespace

bool Destination::set_name(const char* text) {
    auto size = strlen(text);
    if (size > frames::max_name) return false;
    memcpy(name, text, size + 1);
    return true;
}

long Destination::move_to(const char* path) {
    auto next =
        sys::open_at(directory < 0 ? AT_FDCWD : directory, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (next < 0) return next;
    close();
    directory = static_cast<int>(next);
    owned = true;
    return 0;
}

void Destination::close() {
    if (owned) sys::close(directory);
    owned = false;
    directory = -1;
}

long follow_links(Destination& destination) {
    for (int count = 0; count < most_links; ++count) {
        char target[frames::max_target + 1];
        auto size =
            sys::readlink_at(destination.directory, destination.name, target, sizeof target);
        if (size == -EINVAL || size == -ENOENT) return 0;  // not a link
        if (size < 0) return size;
        if (static_cast<size_t>(size) > frames::max_target) return -ENAMETOOLONG;
        target[size] = '\0';
        auto last = size;
        while (last > 0 && target[last - 1] != '/') --last;
        const auto* name = target + last;
        if (same(name, "") || same(name, ".") || same(name, "..")) return -EISDIR;
        if (!destination.set_name(name)) return -ENAMETOOLONG;
        if (last == 0) continue;
        target[last == 1 ? 1 : last - 1] = '\0';
        auto moved = destination.move_to(target);
        if (moved < 0) return moved;
    }
    return -ELOOP;
}

long make_directories(const char* path) {
    struct ::stat status {};
    if (sys::stat_at(AT_FDCWD, path, &status, 0) == 0) return 0;
    char part[frames::max_target + 1];
    for (size_t size = 0; size < sizeof part; ++size) {
        part[size] = '\0';
        bool whole = path[size] == '\0';
        if (size > 0 && (whole || path[size] == '/')) {
            auto result = sys::make_directory(AT_FDCWD, part, 0777);
            if (result < 0 && result != -EEXIST) return result;
        }
        if (whole) return 0;
        part[size] = path[size];
    }
    return -ENAMETOOLONG;
}

template <class Make>
long Temporary::make(const Destination& destination, Make make) {
    destination_ = destination;
    long result = -EEXIST;
    for (int tries = 0; tries < most_names && result == -EEXIST; ++tries) {
        Text<sizeof name_ - 1> name;
        name << ".charioteer-" << static_cast<uint64_t>(sys::process_id()) << "-" << count_++;
        memcpy(name_, name.c_str(), name.size() + 1);
        // Set before it exists, because a signal may arrive at any time.
        active_ = true;
        result = make(destination_.directory, name_);
        if (result < 0) active_ = false;
    }
    if (result < 0) destination_.close();
    return result;
}

long Temporary::make_file(const Destination& destination) {
    return make(destination, [](int directory, const char* name) {
        return sys::open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    });
}

long Temporary::make_directory(const Destination& destination) {
    return make(destination, [](int directory, const char* name) {
        auto result = sys::make_directory(directory, name, 0700);
        return result < 0 ? result : sys::open_at(directory, name, directory_flags);
    });
}

long Temporary::make_link(const Destination& destination, const char* target) {
    return make(destination, [target](int directory, const char* name) {
        return sys::make_link(directory, name, target);
    });
}

long Temporary::commit() {
    auto result = sys::rename_in(destination_.directory, name_, destination_.name);
    if (result < 0) return result;
    active_ = false;
    destination_.close();
    return 0;
}

void Temporary::remove() {
    if (!active_) return;
    remove_tree(destination_.directory, name_);
    active_ = false;
    destination_.close();
}

}  // namespace charioteer::agent
