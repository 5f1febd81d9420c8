#include "live_area.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace charioteer::python {

namespace {

/// Not from the first column on: tmux adds to its history what is erased from the top left corner.
constexpr std::string_view erase_below = "\r\x1b[K\x1b[C\x1b[J\r";
/// Without wrapping, a line that has become too long since it was made takes one row only.
constexpr std::string_view wrap_off = "\x1b[?7l";
constexpr std::string_view wrap_on = "\x1b[?7h";

}  // namespace

std::string LiveArea::below(const std::string& text, std::size_t rows) {
    auto area = drawn(rows);
    std::string bytes;
    if (shown_) bytes += erase_below;
    bytes += text;
    bytes += area;
    shown_ = !area.empty();
    changed_ = false;
    return bytes;
}

std::string LiveArea::drawn(std::size_t rows) const {
    std::vector<std::string_view> parts;
    if (has_open_line()) parts.emplace_back(open_line_);
    parts.insert(parts.end(), lines_.begin(), lines_.end());
    // In the last row of a terminal that is full, the area would scroll its own begin away.
    parts.resize(std::min(parts.size(), std::max<std::size_t>(rows, 2) - 1));
    if (parts.empty()) return {};
    auto up = parts.size() > 1 ? fmt::format("\x1b[{}A", parts.size() - 1) : std::string();
    return fmt::format("{}{}\r{}{}", wrap_off, fmt::join(parts, "\n"), up, wrap_on);
}

}  // namespace charioteer::python
