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

/// There is something at the target already.
class TargetExists : public io::Error {
public:
    using Error::Error;
};

struct TreeLimits {
    std::uint64_t entries = 1'000'000;  ///< files, directories and links
    /// What stays free of the target's file system, in bytes; a 20th of one that is small.
    /// The first 16 MiB are written without looking.
    std::uint64_t reserve = 64 * 1024 * 1024;
};

/// What becomes of a file where the new file is to be. A directory is never replaced, and never
/// takes the place of anything.
enum class Existing { refuse, replace_file };

/// Makes a file or directory of the host from a stream (frames/tree.hpp) that a guest sends, who
/// may mean harm: nothing is ever written or read outside the target. Only what the writer has
/// itself made is entered, by open directories and never by paths; links are made and not followed,
/// though they may point anywhere. Modes are kept,
/// whatever the umask is, but for setuid, setgid and sticky. Nothing is reserved for sizes that are
/// only claimed.
///
/// Until finish(), all of it has another name in the same directory, `.charioteer-` and a number.
/// (It must be the same: a user who may not write to a directory may not move it elsewhere either.)
///
/// One thread at a time, which it blocks for as long as the disk takes. After an error it can only
/// be destroyed.
class TreeWriter {
public:
    /// What `target` is in must exist. Nothing happens before the first feed().
    explicit TreeWriter(std::filesystem::path target, Existing existing = Existing::refuse,
                        TreeLimits limits = {});
    /// Makes `name` in an open directory.
    TreeWriter(io::UniqueFd parent, const std::string& name);
    TreeWriter(const TreeWriter&) = delete;
    TreeWriter& operator=(const TreeWriter&) = delete;
    /// Without finish() it removes what was made.
    ~TreeWriter();

    /// Takes the next bytes, split in any way. Throws io::Error that names the path: what the disk
    /// refuses, what is no tree, and what is beyond the limits; TargetExists.
    void feed(std::string_view bytes);
    /// Everything was fed; the target gets its name, at once. Throws io::Error when the stream's
    /// end has not come, TargetExists.
    void finish();

    /// Bytes of files that came.
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
    std::string temporary_;  ///< what the target is called until it is whole
    bool is_file_ = false;   ///< the target is
    std::vector<Level> levels_;
    io::UniqueFd file_;
    std::string file_name_;
    unsigned file_mode_ = 0;
    std::uint64_t entries_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t next_look_ = 16 * 1024 * 1024;  ///< at the free space, by written_
    bool made_ = false;                           ///< there is something to remove
    bool finished_ = false;
};

}  // namespace charioteer::files
