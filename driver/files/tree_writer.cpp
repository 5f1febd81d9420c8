#include "files/tree_writer.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "io/error.hpp"
#include "io/printable.hpp"

namespace charioteer::files {

namespace {

using frames::Entry;
using frames::EntryKind;

constexpr unsigned kept_mode = 0777;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int file_flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

struct CloseDirectory {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

/// One that was made, perhaps with a mode that keeps its owner out. Its mode is changed by its
/// descriptor, since by its name a link could be followed.
io::UniqueFd open_to_remove(int directory, const char* name) noexcept {
    io::UniqueFd fd(::openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return {};
    char by_descriptor[64];
    *fmt::format_to_n(by_descriptor, sizeof by_descriptor - 1, "/proc/self/fd/{}", fd.get()).out =
        '\0';
    ::chmod(by_descriptor, 0700);
    return io::UniqueFd(::openat(fd.get(), ".", directory_flags));
}

void remove_tree(int directory, const char* name) noexcept {
    if (::unlinkat(directory, name, 0) == 0 || errno != EISDIR) return;
    auto fd = open_to_remove(directory, name);
    std::unique_ptr<DIR, CloseDirectory> stream(fd ? ::fdopendir(fd.get()) : nullptr);
    if (!stream) return;
    auto inner = fd.release();
    while (const auto* entry = ::readdir(stream.get()))
        if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")
            remove_tree(inner, entry->d_name);
    ::unlinkat(directory, name, AT_REMOVEDIR);
}

}  // namespace

TreeWriter::TreeWriter(std::filesystem::path target, TreeLimits limits)
    : target_(std::move(target)), limits_(limits) {
    if (!target_.has_filename()) target_ = target_.parent_path();  // a slash at its end
}

TreeWriter::~TreeWriter() {
    levels_.clear();
    if (made_ && !finished_) remove_tree(parent_.get(), target_.filename().c_str());
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
    finished_ = true;
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

/// Where the next entry goes.
int TreeWriter::directory() {
    if (++entries_ > limits_.entries)
        throw io::Error(fmt::format("what was sent for {} has more than {} entries", shown_target(),
                                    limits_.entries));
    if (!levels_.empty()) return levels_.back().fd.get();
    auto parent = target_.has_parent_path() ? target_.parent_path() : std::filesystem::path(".");
    parent_ = io::UniqueFd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent_) throw io::system_error(fmt::format("cannot open {}", parent.string()), errno);
    return parent_.get();
}

/// The root gets the name of the target.
std::string TreeWriter::name_of(const Entry& entry) const {
    return levels_.empty() ? target_.filename().string() : std::string(entry.name);
}

std::string TreeWriter::shown_target() const {
    return io::printable(target_.string(), io::Colours::drop);
}

/// For messages: of `name` in the innermost directory, or of that directory.
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
    auto in = directory();
    Level level;
    level.name = name_of(entry);
    level.mode = entry.mode & kept_mode;
    // Full rights for us until it is filled.
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
}

void TreeWriter::close_file() {
    if (::fchmod(file_.get(), file_mode_) != 0) fail("set the mode of", file_name_, errno);
    // Some file systems report only now that there was no space.
    if (::close(file_.release()) != 0) fail("write", file_name_, errno);
}

void TreeWriter::make_link(const Entry& entry) {
    auto in = directory();
    if (::symlinkat(entry.target.data(), in, entry.name.data()) != 0)
        fail("make the link", entry.name, errno);
}

}  // namespace charioteer::files
