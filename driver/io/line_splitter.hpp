#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace charioteer::io {

/// Cuts a byte stream into lines, however the stream is chopped up. No I/O.
class LineSplitter {
public:
    /// A line of more than `longest` bytes becomes lines of that many, and a rest.
    explicit LineSplitter(std::size_t longest = std::string::npos) : longest_(longest) {}
    void feed(std::string_view bytes);

    /// The next whole line without its '\n'; nullopt while there is none.
    std::optional<std::string> next();

    /// What has come since the last line end.
    std::string_view rest() const noexcept;

private:
    std::size_t longest_;
    std::string pending_;
    std::size_t begin_ = 0;    ///< first byte not yet given out
    std::size_t scanned_ = 0;  ///< bytes before this hold no line end after begin_
};

}  // namespace charioteer::io
