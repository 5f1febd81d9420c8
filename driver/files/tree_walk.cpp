#include "files/tree_walk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "files/directory_stream.hpp"
#include "frames/tree.hpp"
#include "io/error.hpp"

namespace charioteer::files {

namespace {

// Without O_NONBLOCK, opening a pipe that has replaced a file meanwhile would block.
constexpr int open_flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

/// The names in an open directory, in order.
std::vector<std::string> list(int directory, const std::string& path) {
    auto stream =
        directory_stream(io::UniqueFd(::openat(directory, ".", open_flags | O_DIRECTORY)));
    if (!stream) throw io::system_error(fmt::format("cannot read {}", path), errno);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const auto* entry = ::readdir(stream.get());
        if (entry == nullptr) break;
        if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")
            names.emplace_back(entry->d_name);
    }
    if (errno != 0) throw io::system_error(fmt::format("cannot read {}", path), errno);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

TreeWalk::TreeWalk(const std::filesystem::path& source) : source_(source.string()) {
    while (source_.size() > 1 && source_.back() == '/') source_.pop_back();
    shown_source_ = source_;
}

TreeWalk::TreeWalk(int directory, std::string name, std::string shown)
    : source_(std::move(name)),
      shown_source_(std::move(shown)),
      links_(Links::keep),
      base_(::fcntl(directory, F_DUPFD_CLOEXEC, 0)) {
    if (!base_) throw io::system_error(fmt::format("cannot read {}", shown_source_), errno);
}

std::string TreeWalk::path() const {
    auto path = shown_source_;
    for (const auto& level : levels_)
        if (&level != &levels_.front()) path += "/" + level.name;
    if (!levels_.empty() && !name_.empty()) path += "/" + name_;
    return path;
}

int TreeWalk::directory() const {
    if (!levels_.empty()) return levels_.back().fd.get();
    return base_ ? base_.get() : AT_FDCWD;
}

TreeWalk::Step TreeWalk::next() {
    is_file_ = false;
    name_.clear();
    if (!begun_) {
        begun_ = true;
        return root();
    }
    while (!levels_.empty()) {
        auto& level = levels_.back();
        if (level.at == level.names.size()) {
            levels_.pop_back();
            Step step;
            step.kind = Step::Kind::leave;
            return step;
        }
        auto step = visit(level.names[level.at++]);
        if (step.kind != Step::Kind::end) return step;
    }
    return {};
}

TreeWalk::Step TreeWalk::root() {
    struct stat status {};
    auto flags = links_ == Links::keep ? AT_SYMLINK_NOFOLLOW : 0;
    if (::fstatat(directory(), source_.c_str(), &status, flags) != 0)
        throw io::system_error(fmt::format("cannot read {}", shown_source_), errno);
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        throw io::Error(fmt::format("{} is neither a file nor a directory", shown_source_));
    auto reached = links_ == Links::keep ? Reached::by_name : Reached::through_link;
    auto step = visit_what(source_, status, reached);
    auto name = std::filesystem::path(source_).filename().string();
    if (!frames::is_name(name)) {
        std::error_code ignored;
        name = std::filesystem::canonical(source_, ignored).filename().string();
    }
    step.name = frames::is_name(name) ? name : "tree";  // for "/"
    return step;
}

/// The step for an entry of the innermost directory; Kind::end if it is skipped.
TreeWalk::Step TreeWalk::visit(std::string name) {
    name_ = name;
    struct stat status {};
    if (::fstatat(directory(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return {};  // removed since the directory was listed
        throw io::system_error(fmt::format("cannot read {}", path()), errno);
    }
    if (!S_ISLNK(status.st_mode)) return visit_what(name, status, Reached::by_name);
    auto target = read_link(name);
    if (links_ == Links::keep || stays_within(target)) {
        Step step;
        step.kind = Step::Kind::link;
        step.name = name;
        step.target = std::move(target);
        return step;
    }
    if (::fstatat(directory(), name.c_str(), &status, 0) == 0)
        return visit_what(name, status, Reached::through_link);
    if (errno == ENOENT)
        throw io::Error(fmt::format("{} is a link to {}, which is not there", path(), target));
    throw io::system_error(fmt::format("cannot read {}, a link to {}", path(), target), errno);
}

TreeWalk::Step TreeWalk::visit_what(const std::string& name, const struct stat& status,
                                    Reached reached) {
    if (S_ISDIR(status.st_mode)) return enter(directory(), name, reached);
    if (!S_ISREG(status.st_mode)) {
        skipped_.push_back(path());
        return {};
    }
    name_ = name;
    is_file_ = true;
    through_link_ = reached == Reached::through_link;
    Step step;
    step.kind = Step::Kind::file;
    step.name = name;
    step.mode = status.st_mode & 07777;
    step.size = static_cast<std::uint64_t>(status.st_size);
    return step;
}

TreeWalk::Step TreeWalk::enter(int directory, const std::string& name, Reached reached) {
    auto flags = open_flags | O_DIRECTORY | (reached == Reached::by_name ? O_NOFOLLOW : 0);
    Level level;
    level.fd = io::UniqueFd(::openat(directory, name.c_str(), flags));
    struct stat status {};
    if (!level.fd || ::fstat(level.fd.get(), &status) != 0)
        throw io::system_error(fmt::format("cannot read {}", path()), errno);
    for (const auto& outer : levels_)
        if (outer.device == status.st_dev && outer.inode == status.st_ino)
            throw io::Error(
                fmt::format("{} leads by a link to a directory that it is itself in", path()));
    if (levels_.size() == frames::max_depth)
        throw io::Error(
            fmt::format("{}: more than {} nested directories", path(), frames::max_depth));
    level.name = name;
    level.names = list(level.fd.get(), path());
    level.device = status.st_dev;
    level.inode = status.st_ino;
    bool by_link = reached == Reached::through_link || levels_.empty();
    level.home = by_link ? levels_.size() : levels_.back().home;
    levels_.push_back(std::move(level));
    name_.clear();
    Step step;
    step.kind = Step::Kind::directory;
    step.name = name;
    step.mode = status.st_mode & 07777;
    return step;
}

std::string TreeWalk::read_link(const std::string& name) const {
    std::string target(frames::max_target + 1, '\0');
    auto size = ::readlinkat(directory(), name.c_str(), target.data(), target.size());
    if (size < 0) throw io::system_error(fmt::format("cannot read {}", path()), errno);
    target.resize(static_cast<std::size_t>(size));
    if (links_ == Links::keep && (target.empty() || target.size() > frames::max_target))
        throw io::system_error(fmt::format("cannot read {}", path()), ENAMETOOLONG);
    return target;
}

/// Accepts only a sequence of ".." followed by names: after a name, which may be a link, ".." could
/// lead anywhere.
bool TreeWalk::stays_within(const std::string& target) const {
    if (target.empty() || target.front() == '/' || target.size() > frames::max_target) return false;
    auto room = levels_.size() - 1 - levels_.back().home;
    bool named = false;
    for (const auto& part : std::filesystem::path(target)) {
        if (part.empty() || part == ".") continue;
        if (part != "..")
            named = true;
        else if (named || room-- == 0)
            return false;
    }
    return true;
}

io::UniqueFd TreeWalk::open_file() {
    if (!is_file_) return {};
    const auto& name = levels_.empty() ? source_ : name_;
    auto flags = open_flags | (through_link_ ? 0 : O_NOFOLLOW);
    io::UniqueFd fd(::openat(directory(), name.c_str(), flags));
    bool gone = !fd && (errno == ENOENT || errno == ELOOP);
    struct stat status {};
    if (!gone && (!fd || ::fstat(fd.get(), &status) != 0))
        throw io::system_error(fmt::format("cannot read {}", path()), errno);
    if (S_ISREG(status.st_mode)) return fd;
    if (levels_.empty()) throw io::Error(fmt::format("{} is no longer a file", shown_source_));
    return {};
}

}  // namespace charioteer::files
