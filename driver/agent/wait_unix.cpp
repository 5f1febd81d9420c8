#include "agent/error_output.hpp"
#include "agent/poll_until.hpp"
#include "agent/waits.hpp"

namespace charioteer::agent {

namespace {

constexpr const char* table = "/proc/net/unix";

/// "Num: RefCount Protocol Flags Type St Inode Path". The only flag that Linux sets means that the
/// socket listens; the type of a datagram socket is 2.
bool serves(const char* line, bool stream) {
    return stream ? starts_with(field(line, 3), "00010000 ") : starts_with(field(line, 4), "0002 ");
}

const char* last_component(const char* path) {
    const auto* last = path;
    for (; *path != '\0'; ++path)
        if (*path == '/') last = path + 1;
    return last;
}

/// Whether the path to which a socket was bound may be that of the file. The directory of a
/// relative path is unknown.
bool is_file(const char* bound, const char* path, const struct ::stat& file) {
    if (*bound != '/') return same(last_component(bound), last_component(path));
    struct ::stat other {};
    return sys::stat(bound, &other) == 0 && other.st_dev == file.st_dev &&
           other.st_ino == file.st_ino;
}

Answer is_bound(const char* path, bool stream) {
    struct ::stat file {};
    bool exists = sys::stat(path, &file) == 0;
    bool abstract = *path == '@';
    if (!exists && !abstract) return Answer::no;
    bool found = false;
    bool readable = read_table(table, [&](const char* line) {
        const auto* bound = field(line, 7);
        found = *bound != '\0' && serves(line, stream) &&
                ((abstract && same(bound, path)) || (exists && is_file(bound, path, file)));
        return found;
    });
    if (!readable) return Answer::unknown;
    return found ? Answer::yes : Answer::no;
}

}  // namespace

int wait_unix(const char* const* words) {
    bool stream = same(words[1], "stream");
    if (!stream && !same(words[1], "datagram")) {
        report_error("wait-unix", "expected the path of a socket, and stream or datagram");
        return usage_error;
    }
    auto status = poll_until(Answer::yes, [&] { return is_bound(words[0], stream); });
    if (status == unknown_result) report_error("wait-unix", "cannot read /proc/net/unix");
    return status;
}

}  // namespace charioteer::agent
