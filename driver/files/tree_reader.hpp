#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "files/tree_walk.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::files {

/// Reads a file or directory of the host as a stream (frames/tree.hpp), piece by piece, so that a
/// tree of any size needs little memory. See TreeWalk for the treatment of links and for errors;
/// errors are found before the first piece.
///
/// Used by one thread at a time; blocks on the disk.
class TreeReader {
public:
    /// Walks through `source` once to check it. Throws io::Error.
    explicit TreeReader(const std::filesystem::path& source);
    /// The same for `name` in an open directory, without following links; see TreeWalk.
    TreeReader(int directory, const std::string& name, const std::string& shown);

    /// The next bytes of the stream, at most `most`, which must be at least 1; empty at its end.
    /// Throws io::Error; the stream is then incomplete.
    std::string next(std::size_t most);

    /// The total size of all files at the begin.
    std::uint64_t total_bytes() const noexcept { return total_; }
    /// The number of file bytes read so far, for comparison with total_bytes().
    std::uint64_t given_bytes() const noexcept { return given_; }
    /// Paths of sockets, pipes and devices, which are skipped.
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
    std::string ready_;  ///< bytes of the stream that are not yet returned
    bool over_ = false;
};

}  // namespace charioteer::files
