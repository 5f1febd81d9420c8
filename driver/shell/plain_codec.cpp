#include "shell/plain_codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "io/error.hpp"
#include "shell/base64.hpp"
#include "shell/bash_words.hpp"

namespace charioteer::shell {

namespace {

using namespace std::chrono_literals;

/// MAX_ARG_STRLEN of Linux, which counts the NUL.
constexpr std::size_t longest_argument = 128 * 1024 - 1;
constexpr std::string_view strict_prefix = "set -euo pipefail; ";

/// One line of an answer, "#12~hello" or "#12:0 0", or about it.
struct Tagged {
    std::uint64_t number = 0;
    char kind = '\0';
    std::string_view value;
};

/// What follows the number in a tag: the beginning of the output, which a NUL byte follows or not,
/// the rest of the output, the ends, the holders of the output.
constexpr std::string_view kinds = "~@=:!";
/// Reports of which nobody has asked; a guest is not kept from sending them.
constexpr std::size_t most_holders = 16;

std::optional<Tagged> parse_tag_at_begin(std::string_view line) {
    Tagged tagged;
    const auto* end = line.data() + line.size();
    auto number = std::from_chars(line.data() + 1, end, tagged.number);
    if (number.ec != std::errc() || number.ptr == end) return std::nullopt;
    tagged.kind = *number.ptr;
    if (kinds.find(tagged.kind) == std::string_view::npos) return std::nullopt;
    tagged.value = line.substr(static_cast<std::size_t>(number.ptr + 1 - line.data()));
    return tagged;
}

/// None when the line is something else. Text in front of the tag, which has come without a line
/// end, is skipped.
std::optional<Tagged> parse_tag(std::string_view line) {
    for (auto at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
        if (auto tagged = parse_tag_at_begin(line.substr(at))) return tagged;
    return std::nullopt;
}

/// How the command and the reader of its output ended, as in PIPESTATUS.
struct Ends {
    int command = 0;
    int reader = 0;
};

/// What the reader ends with.
constexpr int reader_was_short = 0;
constexpr int reader_was_late = 124;

std::optional<Ends> parse_ends(std::string_view text) {
    Ends ends;
    const auto* end = text.data() + text.size();
    auto command = std::from_chars(text.data(), end, ends.command);
    if (command.ec != std::errc() || command.ptr == end || *command.ptr != ' ') return std::nullopt;
    auto reader = std::from_chars(command.ptr + 1, end, ends.reader);
    if (reader.ec != std::errc() || reader.ptr != end) return std::nullopt;
    return ends;
}

}  // namespace

// What takes long in an emulated guest is to start programs and to fork, so there is one fork,
// which becomes the command, and no program for what is short: the shell takes that by itself.
// base64 takes the rest, which `read` would take byte by byte; 5 is a pipe that closes when base64
// ends, so that reading from it is a wait for that with a limit.
//
// The coprocess is a process group of its own by `set -m`; it begins once we have its output as 4,
// which bash would close with the coprocess. When it is gone the command has ended in time, and who
// still holds the output is a child of it, which is waited for: charioteer_read looks every 5 s. A
// command may also close its output and go on: then we look after it ever more rarely, with pauses
// in which we read from a pipe that has nothing to say.
const std::string_view preparation = R"bash(set -m
charioteer_end() {
kill -0 "$1" && kill -TERM -- "-$1" && { kill -CONT -- "-$1" || :; }
} 2>/dev/null
charioteer_wait() {
local pause=1 text
while kill -0 "$1"; do
[ "$SECONDS" -le "${2%.*}" ] || { charioteer_end "$1"; return 124; }
printf -v text .%04d "$pause"; read -rt "$text" <>/proc/self/fd/4
pause=$((pause < 5000 ? pause * 2 : pause))
done
} 2>/dev/null
charioteer_holders() {
local file process name found=
for file in /proc/[0-9]*/fd/*; do
[ "$file" -ef /proc/self/fd/4 ] || continue
process=${file#/proc/} process=${process%%/*}
case "$process, $found" in "$$, "*|*"(pid $process)"*) continue ;; esac
read -r name <"/proc/$process/comm" || continue
found+="${found:+, }$name (pid $process)"
done
printf '#%s!%s %q\n' "$1" "$2" "$found"
} 2>/dev/null
charioteer_read() {
local piece slice left ended= quiet= reported= limit=${2%.*}
while :; do
slice=5
if [ -n "$ended" ]; then slice=$((0 < $3 && $3 < 5 ? $3 : 5))
elif [ -n "$2" ] && [ "$limit" -lt 5 ]; then slice=$2
elif [ -n "$2" ]; then left=$((limit + 1 - SECONDS)) slice=$((left < 1 ? 1 : left < 5 ? left : 5)); fi
IFS= read -rd "" -n "$((512 - ${#text}))" -t "$slice" piece <&4; got=$?
text+=$piece
[ "$got" -ge 128 ] || return 0
if [ -z "$ended" ] && kill -0 "$job"; then
[ -n "$2" ] && { [ "$limit" -lt 5 ] || [ "$SECONDS" -gt "$limit" ]; } || continue
charioteer_end "$job" && { end=124; return 0; }
fi
: "${ended:=$SECONDS}"
[ -n "$quiet" ] && [ -z "$piece" ] || quiet=$SECONDS
if [ "$3" != 0 ] && [ "$((SECONDS - quiet))" -ge "$3" ]; then
charioteer_holders "$1" 1; got=1
cat <&4 >/dev/null &
return 0
fi
[ -n "$reported" ] || [ "$((SECONDS - ended))" -lt 10 ] || { reported=1; charioteer_holders "$1" 0; }
done
} 2>/dev/null
charioteer() {
coproc { read -r; exec bash -c "$4" </dev/null; }
local LC_ALL=C job=$! how=\~ end=0 text= got
exec 4<&"${COPROC[0]}"; echo >&"${COPROC[1]}"
SECONDS=0
charioteer_read "$@"
if [ "$got" = 0 ] && [ "${#text}" -lt 512 ]; then how=@; fi
printf "#%s$how%q\n" "$1" "$text"
[ "$got" = 1 ] || charioteer_rest "$@"
[ -z "$2" ] || charioteer_wait "$job" "$2" || end=$?
[ "$got$end" != 1124 ] || echo "#$1="
exec 4<&-
wait "$job"
echo "#$1:$? $end"
}
charioteer_rest() {
local left=$((${2%.*} - SECONDS))
[ "$left" -gt 0 ] || left=1
printf "#%s=" "$1"
if [ "$end" = 124 ] || [ -z "$2" ]; then base64 -w 0 <&4
else { base64 -w 0 <&4 5>&1 >&3 | { read -rt "$left"; [ "$?" -lt 128 ] || ! charioteer_end "$job"; } || end=124; } 3>&1
fi
[ "$end" = 124 ] || end=1
echo
}
)bash";

void check_command_text(std::string_view text) {
    constexpr auto longest = longest_argument - strict_prefix.size();
    if (text.size() > longest)
        throw io::UsageError(
            fmt::format("the command has {} bytes; at most {} fit, copy longer "
                        "scripts into the guest and run them there",
                        text.size(), longest));
    if (text.find('\0') != std::string_view::npos)
        throw io::UsageError("the command has a NUL byte, which no shell can take");
}

std::string command_line(const command::Command& command, std::uint64_t number,
                         std::chrono::seconds holder_limit) {
    check_command_text(command.text);
    auto script = std::string(strict_prefix) + command.text;
    auto limit = command.limit ? command.limit->duration : io::Duration::zero();
    // To bash, 0.000 is no limit but a question.
    auto seconds = limit > io::Duration::zero()
                       ? fmt::format("{:.3f}", io::seconds(std::max<io::Duration>(limit, 1ms)))
                       : "";
    return fmt::format("charioteer {} '{}' {} {}\n", number, seconds, holder_limit.count(),
                       quote(script));
}

std::string bare_line(std::string_view script, std::uint64_t number) {
    // The quotes keep a terminal's echo of the line from looking like the answer. Without the blank
    // a script in parentheses would begin an arithmetic expansion, which ends dash.
    return fmt::format(
        "word=$( {0} </dev/null 2>/dev/null); echo \"#\"\"{1}~${{word:-none}}\"; echo \"#\"\"{1}:0 "
        "0\"\n",
        script, number);
}

std::string append_lines(std::string_view bytes, std::string_view file, std::uint64_t number) {
    auto data = "#" + encode_base64(bytes) + "\n";
    // When the file cannot be written, the rest of the data is still taken from the console.
    auto line = fmt::format(
        "word=$({{ set -o pipefail; head -c {0} | {{ read -rN 1; base64 -d >>{1} || "
        "{{ status=$?; cat >/dev/null; exit $status; }}; }}; }} 2>&1); "
        "LC_ALL=C printf '#%s~%q\\n#%s:%s 0\\n' {2} \"$word\" {2} $?\n",
        data.size(), file, number);
    return line + data;
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

/// Makes room while what comes cannot become an answer, however long it goes on without a line end.
void AnswerReader::drop_noise() {
    auto longest_tag = std::string_view("#18446744073709551615~").size();
    for (;;) {
        auto rest = std::string_view(pending_).substr(begin_);
        auto at = rest.find('#');
        if (at == std::string_view::npos) {
            begin_ += rest.size() - std::min(rest.size(), greeting.size());
            break;
        }
        rest.remove_prefix(at);
        if (rest.size() < longest_tag || parse_tag_at_begin(rest)) break;
        begin_ += at + 1;
    }
    scanned_ = std::max(scanned_, begin_);
}

/// The beginning of the output ('~', or '@' for one that a NUL byte follows) or the rest of it
/// ('=').
void AnswerReader::take_output(std::uint64_t number, char kind, std::string_view value) {
    auto begins = kind != '=';
    if (begins) {
        half_ = Half{};
        half_->answer.number = number;
    }
    if (!half_ || half_->answer.number != number || half_->has_rest) {
        half_.reset();
        return;
    }
    auto& answer = half_->answer;
    try {
        answer.output += begins ? unquote(value) : decode_base64(value);
    } catch (const io::Error& error) {
        answer.damage = error.what();
    }
    if (kind == '@') answer.output.push_back('\0');
    half_->has_rest = !begins;
}

void AnswerReader::take_holders(std::uint64_t number, std::string_view value) {
    if (value.size() < 2 || value[1] != ' ' || holders_.size() == most_holders) return;
    try {
        holders_.push_back({number, value[0] == '1', unquote(value.substr(2))});
    } catch (const io::Error&) {
        // Noise.
    }
}

std::optional<Holders> AnswerReader::next_holders() {
    if (holders_.empty()) return std::nullopt;
    auto holders = std::move(holders_.front());
    holders_.pop_front();
    return holders;
}

std::optional<Answer> AnswerReader::take_line(std::string_view line) {
    if (line.find(greeting) != std::string_view::npos) {
        greeted_ = true;
        half_.reset();
        return std::nullopt;
    }
    auto tagged = parse_tag(line);
    if (!tagged) return std::nullopt;
    if (tagged->kind == '!') {
        take_holders(tagged->number, tagged->value);
        return std::nullopt;
    }
    if (tagged->kind != ':') {
        take_output(tagged->number, tagged->kind, tagged->value);
        return std::nullopt;
    }
    auto ends = parse_ends(tagged->value);
    if (!ends) return std::nullopt;
    auto half = std::exchange(half_, std::nullopt).value_or(Half{});
    auto answer = std::move(half.answer);
    if (answer.number != tagged->number || half.has_rest != (ends->reader != reader_was_short)) {
        answer = Answer{};
        answer.number = tagged->number;
        answer.damage = "a part of it is missing";
    }
    answer.status = ends->reader == reader_was_late ? reader_was_late : ends->command;
    return answer;
}

std::optional<Answer> AnswerReader::next() {
    while (auto line = next_line())
        if (auto answer = take_line(*line)) return answer;
    take_greeting();
    drop_noise();
    return std::nullopt;
}

bool AnswerReader::greeted() noexcept {
    return std::exchange(greeted_, false);
}

}  // namespace charioteer::shell
