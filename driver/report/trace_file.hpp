#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/unique_fd.hpp"

namespace charioteer::report {

/// Numbers of records by their kind.
using RecordCounts = std::map<std::string, std::uint64_t, std::less<>>;

/// The kind of a line, which begins with {"kind":"...","t":...
std::string_view kind_of(std::string_view line);

/// A file of lines of JSON, whose size is bounded. One thread at a time; blocks for the disk.
///
/// When the file would exceed its limit, lines between its begin and its end are removed, those of
/// kind `console` first; a line of kind `omitted` has the numbers of all that were removed. The
/// file is replaced by rename(), so that it is complete however the process ends.
class TraceFile {
public:
    /// Creates the file, in place of an existing one, readable by its owner only: commands and
    /// outputs may contain secrets. Throws std::system_error.
    TraceFile(std::filesystem::path file, std::size_t limit);

    /// Adds complete lines, which must be fewer bytes than 3/8 of the limit. `lost` counts others
    /// that were to be in front of them. Lines that cannot be written are counted, too.
    void append(std::string_view lines, const RecordCounts& lost) noexcept;

    /// The first error of append(); empty if there was none.
    const std::string& error() const noexcept { return error_; }

private:
    using Lines = std::vector<std::string_view>;

    void write(std::string_view text);
    void compact();
    std::string selection(const Lines& lines);

    std::filesystem::path file_;
    std::size_t limit_;
    io::UniqueFd fd_;
    std::size_t size_ = 0;
    RecordCounts unwritten_;  ///< not counted in the file yet
    RecordCounts omitted_;    ///< counted in the file
    std::string error_;
    bool is_broken_ = false;  ///< the file could not be replaced
};

}  // namespace charioteer::report
