#include <sys/inotify.h>

#include "agent/directory.hpp"
#include "agent/error_output.hpp"
#include "agent/pattern.hpp"
#include "agent/poll_until.hpp"
#include "agent/waits.hpp"

namespace charioteer::agent {

namespace {

/// Searches a path that matches a pattern, and watches the directories in which it, or the next
/// component of it, may appear.
class Finder {
public:
    Finder(const char* home, const char* pattern) : pattern_(pattern) {
        path_ << home;
        events_ = static_cast<int>(sys::inotify(IN_CLOEXEC | IN_NONBLOCK));
    }

    bool look() {
        watches_ = 0;
        all_watched_ = true;
        return find(pattern_);
    }

    /// Waits until a watched directory has changed, but at least for `delay` microseconds, or until
    /// the next periodic search.
    void wait(uint64_t delay) {
        auto begin = sys::now();
        pollfd entry{.fd = events_, .events = POLLIN, .revents = 0};
        sys::poll_for(&entry, 1, all_watched_ && delay < slow ? slow : delay);
        auto passed = sys::now() - begin;
        if (passed < delay) sys::sleep(delay - passed);
        char room[4096];
        while (sys::read(events_, room, sizeof room) > 0) continue;
    }

private:
    /// Microseconds until the next search without an event: some file systems report no changes,
    /// and a link whose target appears does not change.
    static constexpr uint64_t slow = 250'000;
    static constexpr int most_watches = 64;

    /// Whether something exists at `rest` behind path_.
    bool find(const char* rest) {
        auto before = path_.size();
        while (*rest == '/') path_.add(rest++, 1);
        auto base = path_.size();
        size_t size = 0;
        while (rest[size] != '\0' && rest[size] != '/') ++size;
        bool found = false;
        if (size == 0) {
            found = sys::exists(path_.c_str());
        } else if (is_pattern(rest, size)) {
            watch();
            found = any_entry(directory(), [&](const char* name) {
                if (same(name, ".") || same(name, "..") || !matches(rest, size, name)) return false;
                path_ << name;
                bool leads_there = find(rest + size);
                path_.cut(base);
                return leads_there;
            });
        } else {
            found = enter(rest, size) && find(rest + size);
        }
        path_.cut(before);
        return found;
    }

    /// Appends a name to path_ if it exists there; otherwise watches the directory.
    bool enter(const char* name, size_t size) {
        auto base = path_.size();
        if (sys::exists(path_.add(name, size).c_str())) return true;
        path_.cut(base);
        watch();
        // It may have appeared before the watch was added.
        if (sys::exists(path_.add(name, size).c_str())) return true;
        path_.cut(base);
        return false;
    }

    /// Each watch reports one event, so that none is pending when the next search watches
    /// elsewhere.
    void watch() {
        constexpr uint32_t events = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
                                    IN_MOVE_SELF | IN_ONLYDIR | IN_ONESHOT;
        if (watches_ == most_watches || sys::add_watch(events_, directory(), events) < 0)
            all_watched_ = false;
        else
            ++watches_;
    }

    const char* directory() const { return path_.size() == 0 ? "." : path_.c_str(); }

    const char* pattern_;
    /// Longer than the kernel accepts, so that a truncated path never exists.
    Text<4096> path_;
    int events_;
    int watches_ = 0;
    bool all_watched_ = true;  ///< every relevant directory has a watch
};

}  // namespace

int wait_file(const char* pattern, const char* const* environment) {
    const char* home = "";
    if (*pattern == '~') home = find_variable(environment, "HOME=");
    if (!is_plain_word(pattern) || home == nullptr) {
        report_error("wait-file", "only a shell can expand this");
        return unknown_result;
    }
    Finder finder(home, *pattern == '~' ? pattern + 1 : pattern);
    Backoff backoff(sys::processor_time());
    while (!finder.look()) finder.wait(backoff.next_delay(sys::processor_time()));
    return 0;
}

}  // namespace charioteer::agent
