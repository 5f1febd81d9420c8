#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace charioteer::io {

/// Splits a byte stream, which arrives in any pieces, into lines. No I/O.
class LineSplitter {
public:
    /// A line of more than `longest` bytes is split into lines of that length.
    explicit LineSplitter(std::size_t longest = std::string::npos) : longest_(longest) {}
    void feed(std::string_view bytes);

    /// The next complete line without its '\n'; nullopt if there is none yet.
    std::optional<std::string> next();

    /// The incomplete last line.
    std::string_view rest() const noexcept;

private:
    std::size_t longest_;
    std::string pending_;
    std::size_t begin_ = 0;    ///< first byte not yet returned
    std::size_t scanned_ = 0;  ///< bytes before this hold no line end after begin_
};

}  // namespace charioteer::io
