#include "partial_lines.hpp"

namespace charioteer::python {

namespace {

/// An incomplete line of more bytes is written.
constexpr std::size_t longest_partial_line = 64 << 10;

}  // namespace

std::string PartialLines::complete(std::thread::id thread, Stream stream, std::string_view text) {
    auto& line = lines_[{thread, stream}];
    auto end = text.rfind('\n');
    if (end == text.npos) {
        line += text;
        return line.size() < longest_partial_line ? std::string() : std::exchange(line, {});
    }
    std::string complete = std::exchange(line, text.substr(end + 1));
    complete += text.substr(0, end + 1);
    return complete;
}

std::string_view PartialLines::of(std::thread::id thread, Stream stream) const {
    auto found = lines_.find({thread, stream});
    return found == lines_.end() ? std::string_view() : found->second;
}

std::string PartialLines::take(std::thread::id thread, Stream stream) {
    auto found = lines_.find({thread, stream});
    if (found == lines_.end()) return {};
    return std::move(lines_.extract(found).mapped());
}

std::string PartialLines::take_all(Stream stream) {
    std::string all;
    for (auto& [key, line] : lines_)
        if (key.second == stream) all += std::exchange(line, {});
    return all;
}

void FileEnd::end_line() {
    cut_ = std::exchange(open_, std::nullopt);
}

std::size_t FileEnd::left_out(std::thread::id thread, std::string_view text) {
    if (cut_ != thread) return 0;
    cut_ = std::nullopt;
    return text.starts_with('\n') ? 1 : 0;
}

void FileEnd::written(std::thread::id thread, std::string_view text) {
    if (text.empty()) return;
    open_ = text.ends_with('\n') ? std::nullopt : std::optional(thread);
}

}  // namespace charioteer::python
