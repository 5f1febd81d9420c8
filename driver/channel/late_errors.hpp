#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "io/line_splitter.hpp"

namespace charioteer::channel {

/// Reports, in lines, what commands write to their standard error when no call reads it any more:
/// at most 16 MiB of all commands together, since the console keeps it.
class LateErrors {
public:
    using Report = std::function<void(std::string line)>;

    /// `report` gets lines without their ends.
    explicit LateErrors(Report report) : report_(std::move(report)) {}

    /// Bytes that a command has written; `lines` has the incomplete line of the same command.
    void add(io::LineSplitter& lines, std::string_view bytes);
    /// The command writes no more: reports a last line without a line end.
    void finish(const io::LineSplitter& lines);

private:
    bool full() const noexcept;

    Report report_;
    std::size_t reported_ = 0;  ///< bytes
};

}  // namespace charioteer::channel
