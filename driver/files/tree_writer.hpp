#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "frames/tree.hpp"
#include "io/error.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::files {

/// The target exists already.
class TargetExists : public io::Error {
public:
    using Error::Error;
};

struct TreeLimits {
    std::uint64_t entries = 1'000'000;  ///< files, directories and links
    /// The space that stays free on the target's file system, in bytes, or a 20th of a small file
    /// system. It is first checked after 16 MiB.
    std::uint64_t reserve = 64 * 1024 * 1024;
};

/// Whether an existing file is replaced by the new file. Directories are never replaced and never
/// replace anything.
enum class Existing { refuse, replace_file };

/// Writes a file or directory of the host from a stream (frames/tree.hpp) of a guest, which is not
/// trusted: nothing outside the target is read or written. The writer enters only directories that
/// it has created, through their descriptors and never by path; links are created, with any target,
/// but not followed. Modes are kept regardless of the umask, except setuid, setgid and sticky. No
/// space is reserved for announced sizes.
///
/// Until finish(), the result has a temporary name in the same directory, `.charioteer-` and a
/// number. (In the same directory, because a user without write permission for a directory cannot
/// move it to another one.)
///
/// Used by one thread at a time; blocks on the disk. After an error it can only be destroyed.
class TreeWriter {
public:
    /// The parent of `target` must exist. Nothing is created before the first feed().
    explicit TreeWriter(std::filesystem::path target, Existing existing = Existing::refuse,
                        TreeLimits limits = {});
    /// Writes `name` in an open directory.
    TreeWriter(io::UniqueFd parent, const std::string& name);
    TreeWriter(const TreeWriter&) = delete;
    TreeWriter& operator=(const TreeWriter&) = delete;
    /// Removes everything that was created, unless finish() has succeeded.
    ~TreeWriter();

    /// Takes the next bytes, in any pieces. Throws io::Error with the path for errors of the disk,
    /// for an invalid stream and for exceeded limits; TargetExists.
    void feed(std::string_view bytes);
    /// Ends the stream and renames the target to its final name atomically. Throws io::Error if the
    /// stream is incomplete, TargetExists.
    void finish();

    /// The number of file bytes received.
    std::uint64_t written_bytes() const noexcept { return written_; }

private:
    struct Level {
        io::UniqueFd fd;
        std::string name;
        unsigned mode = 0;
    };

    void take(const frames::Entry& entry, std::string_view data);
    void enter(const frames::Entry& entry);
    void leave();
    void open_file(const frames::Entry& entry);
    void write_data(std::string_view data);
    void close_file();
    void make_link(const frames::Entry& entry);
    void begin(frames::EntryKind kind);
    void expect_space();
    int rename();
    int directory();
    std::string name_of(const frames::Entry& entry) const;
    std::string shown_target() const;
    std::string path(std::string_view name) const;
    [[noreturn]] void fail(std::string_view action, std::string_view name, int code) const;

    std::filesystem::path target_;
    Existing existing_ = Existing::refuse;
    TreeLimits limits_;
    frames::TreeParser parser_;
    io::UniqueFd parent_;    ///< of the target
    std::string temporary_;  ///< the name of the target until it is complete
    bool is_file_ = false;   ///< the target is a file
    std::vector<Level> levels_;
    io::UniqueFd file_;
    std::string file_name_;
    unsigned file_mode_ = 0;
    std::uint64_t entries_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t next_check_ = 16 * 1024 * 1024;  ///< value of written_ for the next space check
    bool made_ = false;                            ///< the destructor has something to remove
    bool finished_ = false;
};

}  // namespace charioteer::files
