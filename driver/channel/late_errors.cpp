#include "channel/late_errors.hpp"

#include <fmt/format.h>

#include <utility>

namespace charioteer::channel {

namespace {

constexpr std::size_t most_reported = 16 * 1024 * 1024;

}  // namespace

bool LateErrors::full() const noexcept {
    return reported_ > most_reported;
}

void LateErrors::add(io::LineSplitter& lines, std::string_view bytes) {
    if (full()) return;
    reported_ += bytes.size();
    lines.feed(bytes);
    while (auto line = lines.next()) report_(std::move(*line));
    if (full())
        report_(fmt::format(
            "commands that have ended wrote {} MiB to their standard error; the rest is discarded",
            most_reported >> 20));
}

void LateErrors::finish(const io::LineSplitter& lines) {
    if (!full() && !lines.rest().empty()) report_(std::string(lines.rest()));
}

}  // namespace charioteer::channel
