#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace charioteer::python {

/// What a terminal shows below the last line of the log, and what every change replaces: an
/// incomplete line of the script's output, and the lines of a view. Texts only, without I/O.
///
/// The cursor stands at the begin of the area, not at its end: erasing needs no count of lines,
/// which would be wrong after the terminal was resized.
class LiveArea {
public:
    void set_open_line(std::string text) { change(open_line_, std::move(text)); }
    void set_lines(std::vector<std::string> lines) { change(lines_, std::move(lines)); }
    bool has_open_line() const noexcept { return !open_line_.empty(); }
    /// Whether the terminal does not show the area as it is now.
    bool is_changed() const noexcept { return changed_; }

    /// The bytes that replace the area by `text`, complete lines, and show it again below them.
    /// `rows` is the height of the terminal: of a longer area the last lines are left out.
    std::string below(const std::string& text, std::size_t rows);

private:
    template <class T>
    void change(T& value, T to) {
        if (value == to) return;
        value = std::move(to);
        changed_ = true;
    }
    std::string drawn(std::size_t rows) const;

    std::string open_line_;
    std::vector<std::string> lines_;
    bool changed_ = false;
    bool shown_ = false;
};

}  // namespace charioteer::python
