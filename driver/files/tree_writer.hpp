#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "frames/tree.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::files {

struct TreeLimits {
    std::uint64_t entries = 1'000'000;  ///< files, directories and links
};

/// Makes a file or directory of the host from a stream (frames/tree.hpp) that a guest sends, who
/// may mean harm: nothing is ever written or read outside the target. Only what the writer has
/// itself made is entered, by open directories and never by paths; links are made and not followed,
/// though whoever uses the result should know that they may point anywhere. Modes are kept,
/// whatever the umask is, but for setuid, setgid and sticky. Nothing is reserved for sizes that are
/// only claimed; how much is written at all is the caller's to limit, by written_bytes().
///
/// One thread at a time, which it blocks for as long as the disk takes. After an error it can only
/// be destroyed.
class TreeWriter {
public:
    /// `target` must not exist, and what it is in must. Nothing happens before the first feed().
    explicit TreeWriter(std::filesystem::path target, TreeLimits limits = {});
    TreeWriter(const TreeWriter&) = delete;
    TreeWriter& operator=(const TreeWriter&) = delete;
    /// Without finish() it removes what was made.
    ~TreeWriter();

    /// Takes the next bytes, split in any way. Throws io::Error that names the path: what the disk
    /// refuses, what is no tree, and what is beyond the limits.
    void feed(std::string_view bytes);
    /// Everything was fed; the target stays. Throws io::Error when the stream's end has not come.
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
    int directory();
    std::string name_of(const frames::Entry& entry) const;
    std::string shown_target() const;
    std::string path(std::string_view name) const;
    [[noreturn]] void fail(std::string_view action, std::string_view name, int code) const;

    std::filesystem::path target_;
    TreeLimits limits_;
    frames::TreeParser parser_;
    io::UniqueFd parent_;  ///< of the target
    std::vector<Level> levels_;
    io::UniqueFd file_;
    std::string file_name_;
    unsigned file_mode_ = 0;
    std::uint64_t entries_ = 0;
    std::uint64_t written_ = 0;
    bool made_ = false;  ///< the target is ours
    bool finished_ = false;
};

}  // namespace charioteer::files
