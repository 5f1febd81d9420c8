#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/unique_fd.hpp"

namespace charioteer::files {

/// Walks through a file or directory of the host, parents before their entries, names in order.
///
/// Links in a tree of the host are followed, because most would be dangling in a guest; a relative
/// link whose target is certainly within the copied directory stays a link. Used by one thread at a
/// time; blocks on the disk. Throws io::Error with the path for files that cannot be read, dangling
/// links, links to a directory that contains them, and more than frames::max_depth nested
/// directories.
class TreeWalk {
public:
    struct Step {
        enum class Kind { directory, leave, file, link, end };
        Kind kind = Kind::end;
        std::string name;        ///< the last component; of directories, files and links
        std::string target;      ///< of links
        unsigned mode = 0;       ///< permissions, of directories and files
        std::uint64_t size = 0;  ///< of files, in bytes
    };

    explicit TreeWalk(const std::filesystem::path& source);
    /// Walks through `name` in an open directory to which a guest may write: links are not followed
    /// but kept, and no paths are used. `shown` is its name in messages.
    TreeWalk(int directory, std::string name, std::string shown);

    Step next();
    /// Opens the file of the last step. No descriptor if it has been removed or replaced by
    /// something else; throws if it is the root.
    io::UniqueFd open_file();
    /// The path of the last step, for messages.
    std::string path() const;
    /// Sockets, pipes and devices that were skipped so far.
    const std::vector<std::string>& skipped() const noexcept { return skipped_; }

private:
    struct Level {
        io::UniqueFd fd;
        std::string name;
        std::vector<std::string> names;
        std::size_t at = 0;
        dev_t device = 0;
        ino_t inode = 0;
        /// The index of the outermost directory to which a kept link in this one may point: the
        /// root, or the last directory that was itself reached through a link.
        std::size_t home = 0;
    };
    enum class Reached { by_name, through_link };
    enum class Links { follow, keep };

    Step root();
    Step visit(std::string name);
    Step visit_what(const std::string& name, const struct stat& status, Reached reached);
    Step enter(int directory, const std::string& name, Reached reached);
    std::string read_link(const std::string& name) const;
    bool stays_within(const std::string& target) const;
    int directory() const;

    std::string source_;
    std::string shown_source_;
    Links links_ = Links::follow;
    io::UniqueFd base_;  ///< the directory of the source; none: the source is a path
    std::vector<Level> levels_;
    bool begun_ = false;
    std::string name_;      ///< of the last step, in the innermost directory
    bool is_file_ = false;  ///< the last step was a file
    bool through_link_ = false;
    std::vector<std::string> skipped_;
};

}  // namespace charioteer::files
