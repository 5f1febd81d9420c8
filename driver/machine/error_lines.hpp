#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "io/error.hpp"
#include "io/line_splitter.hpp"

namespace charioteer::machine {

/// The lines that a program in a guest writes to its standard error while it copies. A guest may
/// write without end: only the last ones are kept, and the others counted.
class ErrorLines {
public:
    void add(std::string_view bytes);
    void add_line(std::string line);
    /// There will be no more: what stands without a line end becomes a line.
    void finish();

    bool empty() const noexcept { return lines_.empty(); }
    /// Those that are kept, printable, and how many others there were.
    std::vector<std::string> shown() const;
    /// The same as an error: the last line is its text, the others are its notes.
    io::Error as_error() const;

private:
    static constexpr std::size_t longest_line = 4 * 1024;

    io::LineSplitter splitter_{longest_line};
    std::deque<std::string> lines_;
    std::size_t dropped_ = 0;
};

}  // namespace charioteer::machine
