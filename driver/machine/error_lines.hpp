#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "io/line_splitter.hpp"
#include "machine/errors.hpp"

namespace charioteer::machine {

/// The lines that a copying program in a guest writes to its standard error. Only the last ones are
/// kept, since a guest may write any number of them; the others are counted.
class ErrorLines {
public:
    void add(std::string_view bytes);
    void add_line(std::string line);
    /// Called at the end of the input: an incomplete line becomes a line.
    void finish();

    bool empty() const noexcept { return lines_.empty(); }
    /// The kept lines, printable, and the number of the others.
    std::vector<std::string> shown() const;
    /// An error with the last line as its text and the others as its notes.
    CopyFailed as_error() const;

private:
    static constexpr std::size_t longest_line = 4 * 1024;

    io::LineSplitter splitter_{longest_line};
    std::deque<std::string> lines_;
    std::size_t dropped_ = 0;
};

}  // namespace charioteer::machine
