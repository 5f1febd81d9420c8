#include "shell/plain_codec.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "io/error.hpp"
#include "shell/base64.hpp"

namespace charioteer::shell {

namespace {

/// MAX_ARG_STRLEN of Linux, which counts the NUL.
constexpr std::size_t longest_argument = 128 * 1024 - 1;

/// In single quotes, which nothing inside can end but a single quote.
std::string quote(std::string_view text) {
    std::string quoted = "'";
    for (char character : text) {
        if (character == '\'')
            quoted += "'\"'\"'";
        else
            quoted.push_back(character);
    }
    return quoted + "'";
}

/// "#12:0" -> 12 and 0; none when the line is something else.
std::optional<AnswerReader::Answer> parse_end(std::string_view line) {
    if (!line.starts_with('#')) return std::nullopt;
    AnswerReader::Answer answer{};
    const auto* end = line.data() + line.size();
    auto number = std::from_chars(line.data() + 1, end, answer.number);
    if (number.ec != std::errc() || number.ptr == end || *number.ptr != ':') return std::nullopt;
    auto status = std::from_chars(number.ptr + 1, end, answer.status);
    if (status.ec != std::errc() || status.ptr != end) return std::nullopt;
    return answer;
}

}  // namespace

std::string command_line(const Command& command, std::uint64_t number) {
    auto script = "set -euo pipefail; " + command.text;
    if (script.size() > longest_argument)
        throw io::UsageError(fmt::format(
            "the command has {} bytes; at most {} fit, copy longer "
            "scripts into the guest and run them there",
            command.text.size(), longest_argument - (script.size() - command.text.size())));
    if (script.find('\0') != std::string::npos)
        throw io::UsageError("the command has a NUL byte, which no shell can take");
    auto limit = command.guest_limit ? fmt::format("timeout {} ", *command.guest_limit) : "";
    // Standard input is empty: a command that reads must not eat the next line.
    return fmt::format(
        "{}bash -c {} </dev/null | (base64 -w 0; echo); echo \"#{}:${{PIPESTATUS[0]}}\"\n", limit,
        quote(script), number);
}

void AnswerReader::feed(std::string_view bytes) {
    if (begin_ > 0 && begin_ == pending_.size()) {
        // Not clear(): a long answer's room is not kept.
        pending_ = std::string();
        scanned_ -= begin_;
        begin_ = 0;
    }
    pending_ += bytes;
}

std::optional<std::string_view> AnswerReader::next_line() {
    auto end = pending_.find('\n', scanned_);
    scanned_ = end == std::string::npos ? pending_.size() : end + 1;
    if (end == std::string::npos) return std::nullopt;
    auto line = std::string_view(pending_).substr(begin_, end - begin_);
    begin_ = end + 1;
    // A guest that starts anew has not yet told its terminal to leave line ends alone.
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::optional<AnswerReader::Answer> AnswerReader::next() {
    while (auto line = next_line()) {
        if (line->find(greeting) != std::string_view::npos) {
            greeted_ = true;
            output_.clear();
        } else if (auto answer = parse_end(*line)) {
            answer->output = decode_base64(std::exchange(output_, {}));
            return answer;
        } else {
            output_ = *line;
        }
    }
    return std::nullopt;
}

bool AnswerReader::greeted() noexcept {
    return std::exchange(greeted_, false);
}

}  // namespace charioteer::shell
