#include "files/tree_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "files/directory_stream.hpp"
#include "files/new_name.hpp"
#include "files/remove_tree.hpp"
#include "io/error.hpp"
#include "io/printable.hpp"

namespace charioteer::files {

namespace {

using frames::Entry;
using frames::EntryKind;

constexpr unsigned kept_mode = 0777;
/// The free space is checked after each such number of written bytes.
constexpr std::uint64_t check_interval = 1024 * 1024;
constexpr int file_flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

TreeWriter::TreeWriter(std::filesystem::path target, Existing existing, TreeLimits limits)
    : target_(std::move(target)), existing_(existing), limits_(limits) {
    if (!target_.has_filename()) target_ = target_.parent_path();  // removes a trailing slash
}

TreeWriter::TreeWriter(io::UniqueFd parent, const std::string& name)
    : target_(name), parent_(std::move(parent)) {}

TreeWriter::~TreeWriter() {
    levels_.clear();
    if (made_ && !finished_) remove_tree(parent_.get(), temporary_.c_str());
}

void TreeWriter::feed(std::string_view bytes) {
    frames::Bytes rest(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    for (;;) {
        auto item = parser_.next(rest);
        if (item.kind == frames::TreeParser::Item::Kind::more) return;
        if (item.kind == frames::TreeParser::Item::Kind::broken)
            throw io::Error(
                fmt::format("what was sent for {} is broken: {}", shown_target(), item.trouble));
        take(item.entry, {reinterpret_cast<const char*>(item.data.data()), item.data.size()});
    }
}

void TreeWriter::finish() {
    if (!parser_.ended())
        throw io::Error(fmt::format("what was sent for {} ended early", shown_target()));
    auto failure = rename();
    if (failure == EEXIST || failure == ENOTEMPTY || failure == EISDIR || failure == ENOTDIR)
        throw TargetExists(fmt::format("{} exists already", shown_target()));
    if (failure != 0) fail("make", {}, failure);
    finished_ = true;
}

/// Renames the target; returns 0 or an errno value.
int TreeWriter::rename() {
    const auto* from = temporary_.c_str();
    auto to = target_.filename();
    auto parent = parent_.get();
    bool replace = existing_ == Existing::replace_file && is_file_;
    if (replace) return ::renameat(parent, from, parent, to.c_str()) == 0 ? 0 : errno;
    if (::renameat2(parent, from, parent, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL) return errno;
    // The file system does not support the flag, such as NFS: a race with another process is
    // possible, but unlikely.
    struct stat status {};
    if (::fstatat(parent, to.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
    return ::renameat(parent, from, parent, to.c_str()) == 0 ? 0 : errno;
}

void TreeWriter::take(const Entry& entry, std::string_view data) {
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
            return;
    }
}

/// The directory of the next entry.
int TreeWriter::directory() {
    if (++entries_ > limits_.entries)
        throw io::Error(fmt::format("what was sent for {} has more than {} entries", shown_target(),
                                    limits_.entries));
    return levels_.empty() ? parent_.get() : levels_.back().fd.get();
}

/// Opens the parent of the root and rejects targets that finish() could not replace.
void TreeWriter::begin(EntryKind kind) {
    is_file_ = kind == EntryKind::file;
    temporary_ = new_name(".charioteer-");
    if (!parent_) {
        auto path = target_.has_parent_path() ? target_.parent_path() : std::filesystem::path(".");
        parent_ = io::UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!parent_) throw io::system_error(fmt::format("cannot open {}", path.string()), errno);
    }
    struct stat status {};
    auto name = target_.filename();
    if (::fstatat(parent_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    bool replaced = existing_ == Existing::replace_file && is_file_ && !S_ISDIR(status.st_mode);
    if (!replaced) throw TargetExists(fmt::format("{} exists already", shown_target()));
}

/// The root has a temporary name until it is complete.
std::string TreeWriter::name_of(const Entry& entry) const {
    return levels_.empty() ? temporary_ : std::string(entry.name);
}

std::string TreeWriter::shown_target() const {
    return io::printable(target_.string(), io::Colours::drop);
}

/// The path of `name` in the innermost directory, or of that directory, for messages.
std::string TreeWriter::path(std::string_view name) const {
    auto path = target_.string();
    for (std::size_t at = 1; at < levels_.size(); ++at) path += "/" + levels_[at].name;
    if (!levels_.empty() && !name.empty()) path.append("/").append(name);
    return io::printable(path, io::Colours::drop);
}

void TreeWriter::fail(std::string_view action, std::string_view name, int code) const {
    throw io::system_error(fmt::format("cannot {} {}", action, path(name)), code);
}

void TreeWriter::enter(const Entry& entry) {
    if (levels_.empty()) begin(entry.kind);
    auto in = directory();
    Level level;
    level.name = name_of(entry);
    level.mode = entry.mode & kept_mode;
    // Full access for the owner until the directory is complete.
    if (::mkdirat(in, level.name.c_str(), 0700) != 0) fail("make", level.name, errno);
    made_ = true;
    level.fd = io::UniqueFd(::openat(in, level.name.c_str(), directory_flags));
    if (!level.fd) fail("open", level.name, errno);
    levels_.push_back(std::move(level));
}

void TreeWriter::leave() {
    const auto& level = levels_.back();
    if (::fchmod(level.fd.get(), level.mode) != 0) fail("set the mode of", {}, errno);
    levels_.pop_back();
}

void TreeWriter::open_file(const Entry& entry) {
    if (levels_.empty()) begin(entry.kind);
    auto in = directory();
    file_name_ = name_of(entry);
    file_mode_ = entry.mode & kept_mode;
    file_ = io::UniqueFd(::openat(in, file_name_.c_str(), file_flags, 0600));
    if (!file_) fail("make", file_name_, errno);
    made_ = true;
}

void TreeWriter::write_data(std::string_view data) {
    while (!data.empty()) {
        auto written = ::write(file_.get(), data.data(), data.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("write", file_name_, errno);
        data.remove_prefix(static_cast<std::size_t>(written));
        written_ += static_cast<std::uint64_t>(written);
    }
    if (written_ >= next_check_) expect_space();
}

/// Prevents a guest that sends endlessly from filling the disk.
void TreeWriter::expect_space() {
    next_check_ = written_ + check_interval;
    struct statvfs status {};
    if (::fstatvfs(file_.get(), &status) != 0 || status.f_blocks == 0) return;
    auto bytes = [&](std::uint64_t blocks) { return blocks * status.f_frsize; };
    auto reserve = std::min(limits_.reserve, bytes(status.f_blocks) / 20);
    if (bytes(status.f_bavail) >= reserve) return;
    auto megabytes = [](std::uint64_t size) { return static_cast<double>(size) / 1e6; };
    throw io::Error(fmt::format(
        "what was sent for {} fills the disk: after {:.1f} MB of it, less than {:.1f} MB are free",
        shown_target(), megabytes(written_), megabytes(reserve)));
}

void TreeWriter::close_file() {
    if (::fchmod(file_.get(), file_mode_) != 0) fail("set the mode of", file_name_, errno);
    // Some file systems report missing space only at close().
    if (::close(file_.release()) != 0) fail("write", file_name_, errno);
}

void TreeWriter::make_link(const Entry& entry) {
    auto in = directory();
    if (::symlinkat(entry.target.data(), in, entry.name.data()) != 0)
        fail("make the link", entry.name, errno);
}

}  // namespace charioteer::files
