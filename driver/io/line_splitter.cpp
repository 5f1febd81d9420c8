#include "io/line_splitter.hpp"

#include <algorithm>

namespace charioteer::io {

void LineSplitter::feed(std::string_view bytes) {
    // Returned lines are erased only here, once per read, so that many short lines take linear
    // time.
    if (begin_ > 0) {
        pending_.erase(0, begin_);
        scanned_ -= begin_;
        begin_ = 0;
    }
    pending_ += bytes;
}

std::optional<std::string> LineSplitter::next() {
    auto end = pending_.find('\n', scanned_);
    if (std::min(end, pending_.size()) - begin_ > longest_) {
        std::string piece = pending_.substr(begin_, longest_);
        begin_ += longest_;
        scanned_ = begin_;
        return piece;
    }
    if (end == std::string::npos) {
        scanned_ = pending_.size();
        return std::nullopt;
    }
    std::string line = pending_.substr(begin_, end - begin_);
    begin_ = end + 1;
    scanned_ = begin_;
    return line;
}

std::string_view LineSplitter::rest() const noexcept {
    return std::string_view(pending_).substr(begin_);
}

}  // namespace charioteer::io
