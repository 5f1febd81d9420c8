#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "files/tree_walk.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::files {

/// Gives a file or directory of the host as a stream (frames/tree.hpp), piece by piece, so that a
/// tree of any size takes little memory. TreeWalk describes how links are treated and what is
/// refused; all of that is found out before the first piece.
///
/// One thread at a time, which it blocks for as long as the disk takes.
class TreeReader {
public:
    /// Goes through `source` once. Throws io::Error.
    explicit TreeReader(const std::filesystem::path& source);
    /// The same of `name` in an open directory, without following a link; see TreeWalk.
    TreeReader(int directory, const std::string& name, const std::string& shown);

    /// The next bytes of the stream, `most` at most, which is at least 1; none at its end. Throws
    /// io::Error, and the stream then has no end.
    std::string next(std::size_t most);

    /// Bytes in all files, as they were at the beginning.
    std::uint64_t total_bytes() const noexcept { return total_; }
    /// Bytes of files that were given, for comparison with total_bytes().
    std::uint64_t given_bytes() const noexcept { return given_; }
    /// Paths of sockets, pipes and devices, which are left out.
    const std::vector<std::string>& skipped() const noexcept { return skipped_; }

private:
    void survey(TreeWalk walk);
    void take_step();
    void begin_file(const TreeWalk::Step& step);
    void read_content(std::size_t room);

    TreeWalk walk_;
    std::uint64_t total_ = 0;
    std::uint64_t given_ = 0;
    std::vector<std::string> skipped_;
    io::UniqueFd file_;
    std::uint64_t file_left_ = 0;
    std::string ready_;  ///< of the stream, not yet given
    bool over_ = false;
};

}  // namespace charioteer::files
