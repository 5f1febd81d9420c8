#include "screen.hpp"

#include <algorithm>
#include <stdexcept>

namespace charioteer::python {

void Screen::write(std::string_view bytes) {
    while (!bytes.empty()) {
        std::size_t length = 1;
        if (bytes.starts_with("\x1b["))
            length = control(bytes);
        else
            put(bytes[0]);
        bytes.remove_prefix(length);
    }
}

std::size_t Screen::control(std::string_view bytes) {
    auto end = bytes.find_first_of("ACJKhl", 2);
    auto sequence = bytes.substr(0, end == bytes.npos ? end : end + 1);
    if (sequence == "\x1b[K") {
        current().resize(std::min(current().size(), column_));
    } else if (sequence == "\x1b[J") {
        current().resize(std::min(current().size(), column_));
        rows_.resize(row_ + 1);
    } else if (sequence == "\x1b[C") {
        ++column_;
    } else if (sequence == "\x1b[?7l" || sequence == "\x1b[?7h") {
        wraps_ = sequence.ends_with('h');
    } else if (sequence.ends_with('A')) {
        row_ -= std::min<std::size_t>(row_, std::stoul(std::string(sequence.substr(2))));
    } else {
        throw std::invalid_argument(std::string(sequence));
    }
    return sequence.size();
}

void Screen::put(char character) {
    if (character == '\r') {
        column_ = 0;
    } else if (character == '\n') {
        // As a terminal does that adds the carriage return.
        column_ = 0;
        if (++row_ == rows_.size()) rows_.emplace_back();
    } else {
        auto& text = current();
        if (text.size() <= column_) text.resize(column_ + 1, ' ');
        text[column_++] = character;
    }
}

std::string& Screen::current() {
    return rows_[row_];
}

std::vector<std::string> Screen::rows() const {
    auto shown = rows_;
    for (auto& each : shown) each.resize(each.find_last_not_of(' ') + 1);
    while (!shown.empty() && shown.back().empty()) shown.pop_back();
    return shown;
}

}  // namespace charioteer::python
