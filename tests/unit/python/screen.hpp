#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace charioteer::python {

/// What a terminal of unlimited width and height shows, for the control sequences that a LiveArea
/// uses. Any other sequence throws std::invalid_argument.
class Screen {
public:
    void write(std::string_view bytes);
    /// The rows, without spaces at their ends and without empty rows at the end.
    std::vector<std::string> rows() const;
    /// The row of the cursor, from 0 on.
    std::size_t row() const noexcept { return row_; }
    std::size_t column() const noexcept { return column_; }
    bool wraps() const noexcept { return wraps_; }

private:
    /// Handles the sequence at the begin of `bytes`; returns its length.
    std::size_t control(std::string_view bytes);
    void put(char character);
    std::string& current();

    std::vector<std::string> rows_{""};
    std::size_t row_ = 0;
    std::size_t column_ = 0;
    bool wraps_ = true;
};

}  // namespace charioteer::python
