#include <sys/inotify.h>

#include "agent/directory.hpp"
#include "agent/look.hpp"
#include "agent/pattern.hpp"
#include "agent/say.hpp"
#include "agent/waits.hpp"

namespace charioteer::agent {

namespace {

/// Looks for a path that a pattern matches, and is told when a directory changes in which it, or
/// the next part of it, may appear.
class Finder {
public:
    Finder(const char* home, const char* pattern) : pattern_(pattern) {
        path_ << home;
        events_ = static_cast<int>(sys::inotify(IN_CLOEXEC | IN_NONBLOCK));
    }

    bool look() {
        watches_ = 0;
        told_ = true;
        return find(pattern_);
    }

    /// Waits until something has changed, or might have; for `rest` microseconds at least.
    void wait(uint64_t rest) {
        auto begin = sys::now();
        pollfd entry{.fd = events_, .events = POLLIN, .revents = 0};
        sys::poll_for(&entry, 1, told_ && rest < slow ? slow : rest);
        auto passed = sys::now() - begin;
        if (passed < rest) sys::sleep(rest - passed);
        char room[4096];
        while (sys::read(events_, room, sizeof room) > 0) continue;
    }

private:
    /// The next look when we ought to be told: not all file systems tell, nor do links whose target
    /// appears.
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

    /// Adds a name to path_ when it exists there, and else watches for it.
    bool enter(const char* name, size_t size) {
        auto base = path_.size();
        if (sys::exists(path_.add(name, size).c_str())) return true;
        path_.cut(base);
        watch();
        // It may have appeared before we watched.
        if (sys::exists(path_.add(name, size).c_str())) return true;
        path_.cut(base);
        return false;
    }

    /// Each watch tells once, so that none is left when we look elsewhere.
    void watch() {
        constexpr uint32_t events = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
                                    IN_MOVE_SELF | IN_ONLYDIR | IN_ONESHOT;
        if (watches_ == most_watches || sys::add_watch(events_, directory(), events) < 0)
            told_ = false;
        else
            ++watches_;
    }

    const char* directory() const { return path_.size() == 0 ? "." : path_.c_str(); }

    const char* pattern_;
    /// One more than Linux takes, so that what is left out is never found.
    Text<4096> path_;
    int events_;
    int watches_ = 0;
    bool told_ = true;  ///< of all that may matter
};

}  // namespace

int wait_file(const char* pattern, const char* const* environment) {
    const char* home = "";
    if (*pattern == '~') home = find_variable(environment, "HOME=");
    if (!is_plain_word(pattern) || home == nullptr) {
        say("wait-file", "this is for a shell to read");
        return cannot_tell;
    }
    Finder finder(home, *pattern == '~' ? pattern + 1 : pattern);
    Pace pace(sys::processor_time());
    while (!finder.look()) finder.wait(pace.rest(sys::processor_time()));
    return 0;
}

}  // namespace charioteer::agent
