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

/// A line about a command: part of its answer, "#12~hello" or "#12:0 0", or a report on holders.
struct Tagged {
    std::uint64_t number = 0;
    char kind = '\0';
    std::string_view value;
};

/// The character after the number: '~' for the beginning of the output, '@' for the same if a NUL
/// byte follows it, '=' for the rest of the output, ':' for the statuses, '!' for the holders.
constexpr std::string_view kinds = "~@=:!";
/// Unread reports that are kept: a guest may send any number of them.
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

/// None when the line has no tag. Skips text in front of the tag, which another program has written
/// without a line end.
std::optional<Tagged> parse_tag(std::string_view line) {
    for (auto at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
        if (auto tagged = parse_tag_at_begin(line.substr(at))) return tagged;
    return std::nullopt;
}

/// The exit statuses of the command and of the reader of its output.
struct Statuses {
    int command = 0;
    int reader = 0;
};

/// Statuses of the reader: the output had no rest; the limit passed.
constexpr int reader_without_rest = 0;
constexpr int reader_timed_out = 124;

std::optional<Statuses> parse_statuses(std::string_view text) {
    Statuses statuses;
    const auto* end = text.data() + text.size();
    auto command = std::from_chars(text.data(), end, statuses.command);
    if (command.ec != std::errc() || command.ptr == end || *command.ptr != ' ') return std::nullopt;
    auto reader = std::from_chars(command.ptr + 1, end, statuses.reader);
    if (reader.ec != std::errc() || reader.ptr != end) return std::nullopt;
    return statuses;
}

}  // namespace

// In an emulated guest, starting programs and forking are slow. So there is one fork, which becomes
// the command; the shell itself reads and encodes the beginning of the output. Only longer output
// starts a program: base64 for the rest, which `read` would read byte by byte. Descriptor 5 is a
// pipe that closes when base64 ends: reading from it with a limit is a wait for base64 with a
// limit.
//
// `set -m` makes the coprocess the leader of a process group. It waits for a line before it runs
// the command, until descriptor 4 is a copy of its output: bash closes its own descriptor when the
// coprocess ends. When the coprocess has ended, a process that still holds the output is a child of
// the command, and is waited for: charioteer_read checks every 5 s. A command may also close its
// output and continue: charioteer_wait checks whether it still runs, after pauses that double. A
// pause is a read with a limit from a pipe to which nothing is written.
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
    // With 0.000 bash's `read -t` does not wait, but only tests whether there is input.
    auto seconds = limit > io::Duration::zero()
                       ? fmt::format("{:.3f}", io::seconds(std::max<io::Duration>(limit, 1ms)))
                       : "";
    return fmt::format("charioteer {} '{}' {} {}\n", number, seconds, holder_limit.count(),
                       quote(script));
}

std::string bare_line(std::string_view script, std::uint64_t number) {
    // The quotes keep a terminal's echo of the line from being parsed as the answer. Without the
    // blank, a script in parentheses would be an arithmetic expansion, whose error ends dash.
    return fmt::format(
        "word=$( {0} </dev/null 2>/dev/null); echo \"#\"\"{1}~${{word:-none}}\"; echo \"#\"\"{1}:0 "
        "0\"\n",
        script, number);
}

std::string append_lines(std::string_view bytes, std::string_view file, std::uint64_t number) {
    auto data = "#" + encode_base64(bytes) + "\n";
    // When the file cannot be written, the rest of the data is still read from the console.
    auto line = fmt::format(
        "word=$({{ set -o pipefail; head -c {0} | {{ read -rN 1; base64 -d >>{1} || "
        "{{ status=$?; cat >/dev/null; exit $status; }}; }}; }} 2>&1); "
        "LC_ALL=C printf '#%s~%q\\n#%s:%s 0\\n' {2} \"$word\" {2} $?\n",
        data.size(), file, number);
    return line + data;
}

void AnswerReader::feed(std::string_view bytes) {
    if (begin_ == pending_.size()) {
        // Not clear(), which would keep the memory of a long answer.
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
    // The terminal of a guest that boots adds it until the shell has configured the terminal.
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// Finds the greeting before its line is complete. Searches only new bytes, and those before them
/// that may be its beginning, so that the cost is linear in the length of a line.
void AnswerReader::handle_greeting() {
    auto from = scanned_ > begin_ + greeting.size() ? scanned_ - greeting.size() : begin_;
    auto at = pending_.find(greeting, from);
    scanned_ = pending_.size();
    if (at == std::string::npos) return;
    begin_ = at + greeting.size();
    greeted_ = true;
    partial_.reset();
}

/// Discards bytes that cannot be part of an answer, so that an endless line takes no memory.
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

/// `kind` is '~' or '@' for the beginning of the output, '=' for the rest of it.
void AnswerReader::take_output(std::uint64_t number, char kind, std::string_view value) {
    auto begins = kind != '=';
    if (begins) {
        partial_ = PartialAnswer{};
        partial_->answer.number = number;
    }
    if (!partial_ || partial_->answer.number != number || partial_->has_rest) {
        partial_.reset();
        return;
    }
    auto& answer = partial_->answer;
    try {
        answer.output += begins ? unquote(value) : decode_base64(value);
    } catch (const io::Error& error) {
        answer.damage = error.what();
    }
    if (kind == '@') answer.output.push_back('\0');
    partial_->has_rest = !begins;
}

void AnswerReader::take_holders(std::uint64_t number, std::string_view value) {
    if (value.size() < 2 || value[1] != ' ' || holders_.size() == most_holders) return;
    try {
        holders_.push_back({number, value[0] == '1', unquote(value.substr(2))});
    } catch (const io::Error&) {
        // Not a report: output of another program.
    }
}

std::optional<Holders> AnswerReader::next_holders() {
    if (holders_.empty()) return std::nullopt;
    auto holders = std::move(holders_.front());
    holders_.pop_front();
    return holders;
}

std::optional<Answer> AnswerReader::handle_line(std::string_view line) {
    if (line.find(greeting) != std::string_view::npos) {
        greeted_ = true;
        partial_.reset();
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
    auto statuses = parse_statuses(tagged->value);
    if (!statuses) return std::nullopt;
    auto partial = std::exchange(partial_, std::nullopt).value_or(PartialAnswer{});
    auto answer = std::move(partial.answer);
    if (answer.number != tagged->number ||
        partial.has_rest != (statuses->reader != reader_without_rest)) {
        answer = Answer{};
        answer.number = tagged->number;
        answer.damage = "a part of it is missing";
    }
    answer.status = statuses->reader == reader_timed_out ? reader_timed_out : statuses->command;
    return answer;
}

std::optional<Answer> AnswerReader::next() {
    while (auto line = next_line())
        if (auto answer = handle_line(*line)) return answer;
    handle_greeting();
    drop_noise();
    return std::nullopt;
}

bool AnswerReader::greeted() noexcept {
    return std::exchange(greeted_, false);
}

}  // namespace charioteer::shell
