#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "io/line_splitter.hpp"

namespace charioteer::channel {

/// Reports what commands write to their standard error without a reader, in lines, and no more
/// than 16 MiB of it all: the console keeps what it gets.
class LateErrors {
public:
    using Report = std::function<void(std::string line)>;

    /// `report` gets lines without their ends.
    explicit LateErrors(Report report) : report_(std::move(report)) {}

    /// Bytes that a command wrote; `lines` has what came before of the same command.
    void add(io::LineSplitter& lines, std::string_view bytes);
    /// The command writes no more: what stands without a line end becomes a line.
    void finish(const io::LineSplitter& lines);

private:
    bool full() const noexcept;

    Report report_;
    std::size_t reported_ = 0;  ///< bytes
};

}  // namespace charioteer::channel
