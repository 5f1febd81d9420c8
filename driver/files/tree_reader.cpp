#include "files/tree_reader.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "frames/tree.hpp"
#include "io/error.hpp"

namespace charioteer::files {

namespace {

constexpr std::size_t least_read = 4096;
constexpr std::size_t most_read = 1024 * 1024;

void append(std::string& stream, const frames::Entry& entry) {
    unsigned char room[frames::max_entry];
    stream.append(reinterpret_cast<const char*>(room), frames::write_entry(entry, room));
}

}  // namespace

TreeReader::TreeReader(const std::filesystem::path& source) : walk_(source) {
    survey(TreeWalk(source));
}

TreeReader::TreeReader(int directory, const std::string& name, const std::string& shown)
    : walk_(directory, name, shown) {
    survey(TreeWalk(directory, name, shown));
}

void TreeReader::survey(TreeWalk walk) {
    for (auto step = walk.next(); step.kind != TreeWalk::Step::Kind::end; step = walk.next())
        total_ += step.size;
    skipped_ = walk.skipped();
}

std::string TreeReader::next(std::size_t most) {
    while (!over_ && ready_.size() < most) {
        if (file_)
            read_content(most - ready_.size());
        else
            take_step();
    }
    if (ready_.size() <= most) return std::exchange(ready_, {});
    auto piece = ready_.substr(0, most);
    ready_.erase(0, most);
    return piece;
}

void TreeReader::take_step() {
    auto step = walk_.next();
    frames::Entry entry;
    entry.name = step.name;
    entry.target = step.target;
    entry.mode = static_cast<std::uint16_t>(step.mode);
    switch (step.kind) {
        case TreeWalk::Step::Kind::file:
            return begin_file(step);
        case TreeWalk::Step::Kind::directory:
            entry.kind = frames::EntryKind::directory;
            break;
        case TreeWalk::Step::Kind::leave:
            entry.kind = frames::EntryKind::leave;
            break;
        case TreeWalk::Step::Kind::link:
            entry.kind = frames::EntryKind::link;
            break;
        case TreeWalk::Step::Kind::end:
            entry.kind = frames::EntryKind::end;
            over_ = true;
            break;
    }
    append(ready_, entry);
}

void TreeReader::begin_file(const TreeWalk::Step& step) {
    file_ = walk_.open_file();
    if (!file_) return;
    // Only the size at the begin is sent of a growing file, because it might grow endlessly. Files
    // in /proc have the size 0.
    file_left_ = step.size > 0 ? step.size : std::numeric_limits<std::uint64_t>::max();
    frames::Entry entry;
    entry.kind = frames::EntryKind::file;
    entry.name = step.name;
    entry.mode = static_cast<std::uint16_t>(step.mode);
    append(ready_, entry);
}

void TreeReader::read_content(std::size_t room) {
    auto size = std::clamp(room, least_read, most_read);
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, file_left_));
    auto begin = ready_.size();
    ready_.resize(begin + frames::entry_header_size + size);
    auto* content = ready_.data() + begin + frames::entry_header_size;
    ssize_t got = 0;
    while (size > 0 && (got = ::read(file_.get(), content, size)) < 0)
        if (errno != EINTR)
            throw io::system_error(fmt::format("cannot read {}", walk_.path()), errno);
    frames::Entry entry;
    entry.kind = got > 0 ? frames::EntryKind::data : frames::EntryKind::close;
    entry.size = static_cast<std::uint64_t>(got);
    frames::write_entry(entry,
                        {reinterpret_cast<unsigned char*>(content) - frames::entry_header_size,
                         frames::entry_header_size});
    ready_.resize(begin + frames::entry_header_size + static_cast<std::size_t>(got));
    file_left_ -= entry.size;
    given_ += entry.size;
    if (got == 0) file_.reset();
}

}  // namespace charioteer::files
