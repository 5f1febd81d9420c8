#include "agent/send.hpp"

#include <dirent.h>

#include <new>

#include "agent/error_output.hpp"
#include "agent/system.hpp"
#include "frames/tree.hpp"

namespace charioteer::agent {

namespace {

using frames::Entry;
using frames::EntryKind;

constexpr auto program = "send";
constexpr size_t least_read = 64 * 1024;
constexpr int most_tries = 100;
constexpr int pipe_size = 1024 * 1024;

/// A directory that is being sent.
struct Level {
    int fd;
    size_t path_size;  ///< of the parent's path
    size_t at;
    size_t filled;
    alignas(sys::DirectoryEntry) char entries[16 * 1024];
};

/// Too large for the stack.
class Sender {
public:
    bool send(const char* path);

private:
    bool send_root(const char* path);
    bool send_next();
    bool send_one(int directory, const sys::DirectoryEntry& entry);
    bool send_changing(int directory, const char* name, bool is_link);
    bool send_open(int fd, const char* name);
    bool enter(int fd, const char* name, const struct ::stat& status);
    bool send_file(int fd, const char* name, const struct ::stat& status);
    bool send_content(int fd, uint64_t size);
    bool put(const Entry& entry);
    bool flush();
    bool fail(long error) {
        report_error(program, path_.c_str(), error);
        return false;
    }

    ShownPath path_;
    size_t depth_ = 0;
    size_t used_ = 0;
    unsigned char out_[256 * 1024];
    Level levels_[frames::max_depth];
};

bool Sender::send(const char* path) {
    path_.add(path);
    if (!send_root(path)) return false;
    while (depth_ > 0)
        if (!send_next()) return false;
    return put({.kind = EntryKind::end}) && flush();
}

bool Sender::send_root(const char* path) {
    // The status comes first, because opening a device may do something.
    struct ::stat status {};
    auto result = sys::stat_at(AT_FDCWD, path, &status, 0);
    if (result < 0) return fail(result);
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        report_error(program, path, "neither a file nor a directory");
        return false;
    }
    auto fd = sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return fail(fd);
    Text<frames::max_name> name;
    const auto* last = path;
    for (const auto* at = path; *at != '\0'; ++at)
        if (at[0] == '/' && at[1] != '/' && at[1] != '\0') last = at + 1;
    for (const auto* at = last; *at != '\0' && *at != '/'; ++at) name.add(at, 1);
    // "/", "." and ".." have no name to send.
    if (!frames::is_name({name.c_str(), name.size()})) {
        name.clear();
        name << "tree";
    }
    return send_open(static_cast<int>(fd), name.c_str());
}

/// The next entry of the innermost directory, or its end.
bool Sender::send_next() {
    auto& level = levels_[depth_ - 1];
    if (level.at == level.filled) {
        auto filled = sys::entries(level.fd, level.entries, sizeof level.entries);
        if (filled < 0 && filled != -ENOENT) return fail(filled);  // removed meanwhile: empty
        level.at = 0;
        level.filled = filled < 0 ? 0 : static_cast<size_t>(filled);
    }
    if (level.filled == 0) {
        sys::close(level.fd);
        path_.cut(level.path_size);
        --depth_;
        return put({.kind = EntryKind::leave});
    }
    const auto* entry = reinterpret_cast<const sys::DirectoryEntry*>(level.entries + level.at);
    level.at += entry->size;
    if (same(entry->name, ".") || same(entry->name, "..")) return true;
    return send_one(level.fd, *entry);
}

bool Sender::send_one(int directory, const sys::DirectoryEntry& entry) {
    auto size = path_.size();
    auto depth = depth_;
    path_.add(entry.name);
    auto type = entry.type;
    struct ::stat status {};
    if (type == DT_UNKNOWN &&
        sys::stat_at(directory, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        type = static_cast<uint8_t>(IFTODT(status.st_mode));
    bool sent = true;
    if (type == DT_LNK || type == DT_REG || type == DT_DIR)
        sent = send_changing(directory, entry.name, type == DT_LNK);
    else if (type != DT_UNKNOWN)
        report_error(program, path_.c_str(), "skipped: neither a file, a directory nor a link");
    // The path of an entered directory is removed when it is left.
    if (sent && depth_ > depth)
        levels_[depth].path_size = size;
    else if (sent)
        path_.cut(size);
    return sent;
}

/// Tries again if a file is replaced by a link between two calls, or vice versa.
bool Sender::send_changing(int directory, const char* name, bool is_link) {
    for (int tries = 0; tries < most_tries; ++tries, is_link = !is_link) {
        long result = 0;
        if (is_link) {
            char target[frames::max_target + 1];
            result = sys::readlink_at(directory, name, target, sizeof target);
            if (result == sizeof target) result = -ENAMETOOLONG;
            if (result == -EINVAL) continue;
            if (result >= 0)
                return put({.kind = EntryKind::link,
                            .name = {name, strlen(name)},
                            .target = {target, static_cast<size_t>(result)}});
        } else {
            auto flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
            result = sys::open_at(directory, name, flags);
            if (result == -ELOOP) continue;
            if (result >= 0) return send_open(static_cast<int>(result), name);
        }
        return result == -ENOENT || fail(result);
    }
    report_error(program, path_.c_str(), "is being replaced repeatedly");
    return false;
}

/// Takes ownership of `fd`.
bool Sender::send_open(int fd, const char* name) {
    struct ::stat status {};
    auto result = sys::stat(fd, &status);
    if (result < 0) return fail(result);
    if (S_ISDIR(status.st_mode)) return enter(fd, name, status);
    bool sent = !S_ISREG(status.st_mode) || send_file(fd, name, status);
    sys::close(fd);
    return sent;
}

bool Sender::enter(int fd, const char* name, const struct ::stat& status) {
    if (depth_ == frames::max_depth) {
        report_error(program, path_.c_str(), "more than 200 nested directories");
        return false;
    }
    auto& level = levels_[depth_++];
    level.fd = fd;
    level.at = level.filled = 0;
    level.path_size = path_.size();
    return put({.kind = EntryKind::directory,
                .mode = static_cast<uint16_t>(status.st_mode & 07777),
                .name = {name, strlen(name)}});
}

bool Sender::send_file(int fd, const char* name, const struct ::stat& status) {
    return put({.kind = EntryKind::file,
                .mode = static_cast<uint16_t>(status.st_mode & 07777),
                .name = {name, strlen(name)}}) &&
           send_content(fd, static_cast<uint64_t>(status.st_size)) &&
           put({.kind = EntryKind::close});
}

/// A growing file is sent up to its size at the begin, because it might grow endlessly. Files in
/// /proc have the size 0 and are read to their end.
bool Sender::send_content(int fd, uint64_t size) {
    auto most = size > 0 ? size : UINT64_MAX;
    for (uint64_t sent = 0; sent < most;) {
        auto wanted = most - sent;
        auto room = sizeof out_ - used_;
        if (room < frames::entry_header_size + (wanted < least_read ? wanted : least_read)) {
            if (!flush()) return false;
            room = sizeof out_;
        }
        room -= frames::entry_header_size;
        auto got =
            sys::read(fd, out_ + used_ + frames::entry_header_size, wanted < room ? wanted : room);
        if (got == -EINTR) continue;
        if (got < 0) return fail(got);
        if (got == 0) break;
        sent += static_cast<uint64_t>(got);
        frames::write_entry({.kind = EntryKind::data, .size = static_cast<uint64_t>(got)},
                            {out_ + used_, frames::entry_header_size});
        used_ += frames::entry_header_size + static_cast<size_t>(got);
    }
    return true;
}

bool Sender::put(const Entry& entry) {
    if (sizeof out_ - used_ < frames::max_entry && !flush()) return false;
    used_ += frames::write_entry(entry, {out_ + used_, sizeof out_ - used_});
    return true;
}

bool Sender::flush() {
    for (size_t at = 0; at < used_;) {
        auto written = sys::write(1, out_ + at, used_ - at);
        if (written == -EINTR) continue;
        if (written < 0) {
            report_error(program, "standard output", written);
            return false;
        }
        at += static_cast<size_t>(written);
    }
    used_ = 0;
    return true;
}

}  // namespace

int send(const char* path) {
    sys::fcntl(1, F_SETPIPE_SZ, pipe_size);
    auto* memory = sys::map(sizeof(Sender));
    if (memory == nullptr) {
        report_error(program, path, -ENOMEM);
        return 1;
    }
    return (new (memory) Sender)->send(path) ? 0 : 1;
}

}  // namespace charioteer::agent
