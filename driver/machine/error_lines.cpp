#include "machine/error_lines.hpp"

#include <fmt/format.h>

#include "io/printable.hpp"

namespace charioteer::machine {

namespace {

constexpr std::size_t most_lines = 10;

}  // namespace

void ErrorLines::add(std::string_view bytes) {
    splitter_.feed(bytes);
    while (auto line = splitter_.next()) add_line(std::move(*line));
}

void ErrorLines::add_line(std::string line) {
    lines_.push_back(std::move(line));
    if (lines_.size() <= most_lines) return;
    lines_.pop_front();
    ++dropped_;
}

void ErrorLines::finish() {
    if (!splitter_.rest().empty()) add("\n");
}

std::vector<std::string> ErrorLines::shown() const {
    std::vector<std::string> shown;
    for (const auto& line : lines_) shown.push_back(io::printable(line, io::Colours::drop));
    if (dropped_ > 0) shown.push_back(fmt::format("and {} more like that", dropped_));
    return shown;
}

CopyFailed ErrorLines::as_error() const {
    CopyFailed error(lines_.empty() ? "it gave no reason"
                                    : io::printable(lines_.back(), io::Colours::drop));
    auto others = shown();
    if (!lines_.empty())
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(lines_.size()) - 1);
    for (auto& line : others) error.add_note(std::move(line));
    return error;
}

}  // namespace charioteer::machine
