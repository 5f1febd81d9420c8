#include "agent/receive.hpp"

#include <new>

#include "agent/destination.hpp"
#include "agent/error_output.hpp"
#include "agent/system.hpp"
#include "frames/tree.hpp"

namespace charioteer::agent {

namespace {

using frames::Entry;
using frames::EntryKind;

constexpr auto program = "receive";
constexpr int pipe_size = 1024 * 1024;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// A directory whose entries are being received.
struct Level {
    int fd;
    bool made;  ///< created here, so that it gets the mode that was sent
    uint16_t mode;
    size_t path_size;  ///< of the parent's path
};

/// Too large for the stack.
class Receiver {
public:
    explicit Receiver(const char* target) : target_(target) {}
    bool run();
    void clean_up() { temporary_.remove(); }

private:
    bool take(const Entry& entry, frames::Bytes data);
    bool find_destination(const Entry& entry, Destination& destination);
    bool choose(const Entry& root, Destination& destination);
    bool enter(const Entry& entry);
    bool leave();
    bool open_file(const Entry& entry);
    long open_existing(Destination& destination);
    bool write_data(frames::Bytes data);
    bool close_file();
    bool make_link(const Entry& entry);
    bool commit();
    bool fail(long error) {
        report_error(program, path_.size() > 0 ? path_.c_str() : target_, error);
        return false;
    }

    const char* target_;
    ShownPath path_;
    Temporary temporary_;
    size_t depth_ = 0;
    size_t new_depth_ = 0;  ///< of the temporary directory; 0 is none
    int file_ = -1;
    bool file_has_mode_ = false;  ///< the file gets the mode that was sent
    uint16_t file_mode_ = 0;
    size_t file_path_size_ = 0;  ///< of the parent's path
    frames::TreeParser parser_;
    Level levels_[frames::max_depth];
    unsigned char in_[256 * 1024];
};

bool Receiver::run() {
    while (!parser_.ended()) {
        auto got = sys::read(0, in_, sizeof in_);
        if (got == -EINTR) continue;
        if (got < 0) {
            report_error(program, "standard input", got);
            return false;
        }
        if (got == 0) {
            report_error(program, target_, "the data ended early");
            return false;
        }
        frames::Bytes bytes(in_, static_cast<size_t>(got));
        for (;;) {
            auto item = parser_.next(bytes);
            if (item.kind == frames::TreeParser::Item::Kind::more) break;
            if (item.kind == frames::TreeParser::Item::Kind::broken) {
                report_error(program, target_, item.trouble);
                return false;
            }
            if (!take(item.entry, item.data)) return false;
        }
    }
    return true;
}

bool Receiver::take(const Entry& entry, frames::Bytes data) {
    switch (entry.kind) {
        case EntryKind::directory:
            return enter(entry);
        case EntryKind::leave:
            return leave();
        case EntryKind::file:
            return open_file(entry);
        case EntryKind::data:
            return write_data(data);
        case EntryKind::close:
            return close_file();
        case EntryKind::link:
            return make_link(entry);
        case EntryKind::end:
            return !temporary_.active() || commit();
    }
    return false;
}

bool Receiver::find_destination(const Entry& entry, Destination& destination) {
    if (depth_ == 0) return choose(entry, destination);
    path_.add(entry.name.data());
    destination.directory = levels_[depth_ - 1].fd;
    destination.set_name(entry.name.data());
    return true;
}

/// The destination of the root.
bool Receiver::choose(const Entry& root, Destination& destination) {
    Text<frames::max_target> path;
    path << target_;
    if (path.size() == 0) return fail(-ENOENT);
    if (path.full()) return fail(-ENAMETOOLONG);
    auto size = path.size();
    while (size > 1 && target_[size - 1] == '/') --size;
    bool slash = size < path.size();
    path.clear();
    path.add(target_, size);
    auto last = size;
    while (last > 0 && target_[last - 1] != '/') --last;
    Text<frames::max_target> parent;
    parent.add(target_, last > 1 ? last - 1 : last);
    if (last == 0) parent << ".";
    path_.add(path.c_str());

    auto result = make_directories(parent.c_str());
    if (result < 0) return fail(result);
    struct ::stat status {};
    bool within = sys::stat_at(AT_FDCWD, path.c_str(), &status, 0) == 0 && S_ISDIR(status.st_mode);
    if (!within && slash && root.kind == EntryKind::file) {
        result = sys::make_directory(AT_FDCWD, path.c_str(), 0777);
        if (result < 0) return fail(result == -EEXIST ? -ENOTDIR : result);
        within = true;
    }
    const auto* name = within ? root.name.data() : path.c_str() + last;
    result = destination.move_to(within ? path.c_str() : parent.c_str());
    if (result == 0 && !destination.set_name(name)) result = -ENAMETOOLONG;
    if (result < 0) return fail(result);
    if (within) path_.add(name);
    return true;
}

bool Receiver::enter(const Entry& entry) {
    auto& level = levels_[depth_];
    level.path_size = path_.size();
    level.mode = entry.mode;
    level.made = true;
    Destination destination;
    if (!find_destination(entry, destination)) return false;
    struct ::stat status {};
    long fd = 0;
    if (new_depth_ > 0) {
        fd = sys::make_directory(destination.directory, destination.name, 0700);
    } else {
        fd = sys::stat_at(destination.directory, destination.name, &status, AT_SYMLINK_NOFOLLOW);
        level.made = fd == -ENOENT;
        if (fd == 0 && !S_ISDIR(status.st_mode)) fd = -ENOTDIR;
    }
    if (fd == 0) {
        fd = sys::open_at(destination.directory, destination.name, directory_flags);
        destination.close();
    } else if (new_depth_ == 0 && level.made) {
        fd = temporary_.make_directory(destination);
        new_depth_ = depth_ + 1;
    }
    if (fd < 0) return fail(fd);
    level.fd = static_cast<int>(fd);
    ++depth_;
    return true;
}

bool Receiver::leave() {
    const auto& level = levels_[depth_ - 1];
    if (level.made) {
        auto result = sys::change_mode(level.fd, level.mode);
        if (result < 0) return fail(result);
    }
    sys::close(level.fd);
    bool was_new = new_depth_ == depth_;
    if (was_new) new_depth_ = 0;
    --depth_;
    if (depth_ == 0) return true;
    if (was_new && !commit()) return false;
    path_.cut(level.path_size);
    return true;
}

bool Receiver::open_file(const Entry& entry) {
    file_path_size_ = path_.size();
    file_mode_ = entry.mode;
    file_has_mode_ = true;
    Destination destination;
    if (!find_destination(entry, destination)) return false;
    auto fd = new_depth_ == 0 ? open_existing(destination)
                              : sys::open_at(destination.directory, destination.name,
                                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fail(fd);
    file_ = static_cast<int>(fd);
    return true;
}

/// A descriptor for the content of a file whose destination may exist.
long Receiver::open_existing(Destination& destination) {
    auto result = follow_links(destination);
    if (result < 0) return result;
    struct ::stat status {};
    result = sys::stat_at(destination.directory, destination.name, &status, AT_SYMLINK_NOFOLLOW);
    if (result == -ENOENT || (result == 0 && S_ISREG(status.st_mode)))
        return temporary_.make_file(destination);
    if (result < 0) return result;
    if (S_ISDIR(status.st_mode)) return -EISDIR;
    file_has_mode_ = false;
    // O_NONBLOCK makes opening a pipe without a reader fail instead of block. A pipe that has a
    // reader is written to at the reader's speed.
    auto flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
    auto fd = sys::open_at(destination.directory, destination.name, flags | O_NONBLOCK);
    destination.close();
    if (fd >= 0) sys::fcntl(static_cast<int>(fd), F_SETFL, O_WRONLY);
    return fd;
}

bool Receiver::write_data(frames::Bytes data) {
    while (!data.empty()) {
        auto written = sys::write(file_, data.data(), data.size());
        if (written == -EINTR) continue;
        if (written < 0) return fail(written);
        data = data.subspan(static_cast<size_t>(written));
    }
    return true;
}

bool Receiver::close_file() {
    if (file_has_mode_) {
        auto result = sys::change_mode(file_, file_mode_);
        if (result < 0) return fail(result);
    }
    sys::close(file_);
    if (depth_ == 0) return true;
    if (new_depth_ == 0 && temporary_.active() && !commit()) return false;
    path_.cut(file_path_size_);
    return true;
}

bool Receiver::make_link(const Entry& entry) {
    auto path_size = path_.size();
    Destination destination;
    if (!find_destination(entry, destination)) return false;
    if (new_depth_ > 0) {
        auto result = sys::make_link(destination.directory, destination.name, entry.target.data());
        if (result < 0) return fail(result);
    } else {
        auto result = temporary_.make_link(destination, entry.target.data());
        if (result < 0) return fail(result);
        if (!commit()) return false;
    }
    path_.cut(path_size);
    return true;
}

bool Receiver::commit() {
    auto result = temporary_.commit();
    return result == 0 || fail(result);
}

Receiver* active_receiver = nullptr;

/// Must not return: that would need a signal restorer, which only C libraries have.
void end_by_signal(int signal) {
    active_receiver->clean_up();
    sys::exit(128 + signal);
}

}  // namespace

int receive(const char* target) {
    sys::fcntl(0, F_SETPIPE_SZ, pipe_size);
    auto* memory = sys::map(sizeof(Receiver));
    if (memory == nullptr) {
        report_error(program, target, -ENOMEM);
        return 1;
    }
    active_receiver = new (memory) Receiver(target);
    for (int signal : {SIGHUP, SIGINT, SIGPIPE, SIGTERM}) sys::signal_action(signal, end_by_signal);
    bool received = active_receiver->run();
    if (!received) active_receiver->clean_up();
    return received ? 0 : 1;
}

}  // namespace charioteer::agent
