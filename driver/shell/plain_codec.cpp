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

/// One line of an answer, "#12=aGk=" or "#12:0".
struct Tagged {
    std::uint64_t number = 0;
    char kind = '\0';
    std::string_view value;
};

/// None when the line is something else. Text in front of the tag, which has come without a line
/// end, is skipped; base64 has no '#'.
std::optional<Tagged> parse_tag(std::string_view line) {
    auto begin = line.rfind('#');
    if (begin == std::string_view::npos) return std::nullopt;
    line.remove_prefix(begin + 1);
    Tagged tagged;
    const auto* end = line.data() + line.size();
    auto number = std::from_chars(line.data(), end, tagged.number);
    if (number.ec != std::errc() || number.ptr == end) return std::nullopt;
    tagged.kind = *number.ptr;
    tagged.value = line.substr(static_cast<std::size_t>(number.ptr + 1 - line.data()));
    return tagged;
}

std::optional<int> parse_status(std::string_view text) {
    int status = 0;
    const auto* end = text.data() + text.size();
    auto parsed = std::from_chars(text.data(), end, status);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return status;
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
        "{}bash -c {} </dev/null | (echo -n \"#{}=\"; base64 -w 0; echo); "
        "echo \"#{}:${{PIPESTATUS[0]}}\"\n",
        limit, quote(script), number, number);
}

void AnswerReader::feed(std::string_view bytes) {
    if (begin_ == pending_.size()) {
        // Not clear(): a long answer's room is not kept.
        pending_ = std::string();
        begin_ = scanned_ = 0;
    } else if (begin_ > pending_.size() / 2) {
        pending_.erase(0, begin_);
        scanned_ -= begin_;
        begin_ = 0;
    }
    pending_ += bytes;
}

std::optional<std::string_view> AnswerReader::next_line() {
    auto end = pending_.find('\n', scanned_);
    if (end == std::string::npos) return std::nullopt;
    scanned_ = end + 1;
    auto line = std::string_view(pending_).substr(begin_, end - begin_);
    begin_ = end + 1;
    // A guest that starts anew has not yet told its terminal to leave line ends alone.
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// The greeting counts before its line has ended. Only what has not been looked at is, and what may
/// be the greeting's beginning, so that a long line stays linear.
void AnswerReader::take_greeting() {
    auto from = scanned_ > begin_ + greeting.size() ? scanned_ - greeting.size() : begin_;
    auto at = pending_.find(greeting, from);
    scanned_ = pending_.size();
    if (at == std::string::npos) return;
    begin_ = at + greeting.size();
    greeted_ = true;
    half_.reset();
}

std::optional<Answer> AnswerReader::take_line(std::string_view line) {
    if (line.find(greeting) != std::string_view::npos) {
        greeted_ = true;
        half_.reset();
        return std::nullopt;
    }
    auto tagged = parse_tag(line);
    if (!tagged) return std::nullopt;
    if (tagged->kind == '=') {
        half_.emplace().number = tagged->number;
        try {
            half_->output = decode_base64(tagged->value);
        } catch (const io::Error& error) {
            half_->damage = error.what();
        }
        return std::nullopt;
    }
    auto status = tagged->kind == ':' ? parse_status(tagged->value) : std::nullopt;
    if (!status) return std::nullopt;
    auto answer = std::exchange(half_, std::nullopt).value_or(Answer{});
    if (answer.number != tagged->number) {
        answer = Answer{};
        answer.number = tagged->number;
        answer.damage = "its output is missing";
    }
    answer.status = *status;
    return answer;
}

std::optional<Answer> AnswerReader::next() {
    while (auto line = next_line())
        if (auto answer = take_line(*line)) return answer;
    take_greeting();
    return std::nullopt;
}

bool AnswerReader::greeted() noexcept {
    return std::exchange(greeted_, false);
}

}  // namespace charioteer::shell
