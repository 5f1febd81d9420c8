#include "io/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace charioteer::io {

namespace {

constexpr char escape = '\x1b';
constexpr std::string_view replacement = "\xef\xbf\xbd";

bool is_between(char character, char first, char last) {
    return character >= first && character <= last;
}

/// The length of the escape sequence at the begin of `text`; the whole text if it is truncated.
std::size_t sequence_length(std::string_view text) {
    if (text.size() < 2) return text.size();
    switch (text[1]) {
        case '[': {
            // "ESC [ parameters final"; another control character aborts it.
            std::size_t at = 2;
            while (at < text.size() && is_between(text[at], ' ', '?')) ++at;
            if (at == text.size()) return at;
            return is_between(text[at], '@', '~') ? at + 1 : at;
        }
        case ']':
        case 'P':
        case 'X':
        case '^':
        case '_': {
            // A control string, terminated by BEL or "ESC \".
            auto end = text.find_first_of("\x07\x1b", 2);
            if (end == text.npos) return text.size();
            return text[end] == escape && end + 1 < text.size() && text[end + 1] == '\\' ? end + 2
                   : text[end] == escape                                                 ? end
                                                                                         : end + 1;
        }
        default:
            return is_between(text[1], ' ', '~') ? 2 : 1;
    }
}

}  // namespace

std::size_t character_length(std::string_view text) {
    auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    std::size_t length = byte(0) < 0x80   ? 1
                         : byte(0) < 0xc2 ? 0
                         : byte(0) < 0xe0 ? 2
                         : byte(0) < 0xf0 ? 3
                         : byte(0) < 0xf5 ? 4
                                          : 0;
    if (length > text.size()) return 0;
    for (std::size_t at = 1; at < length; ++at)
        if ((byte(at) & 0xc0) != 0x80) return 0;
    // An overlong encoding, a surrogate, or a code point above the last one.
    if ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f) ||
        (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) > 0x8f))
        return 0;
    return length;
}

std::string printable(std::string_view line, Colours colours) {
    std::string text;
    text.reserve(line.size());
    while (!line.empty()) {
        std::size_t used = 1;
        auto first = static_cast<std::uint8_t>(line[0]);
        if (line[0] == escape) {
            used = sequence_length(line);
            auto sequence = line.substr(0, used);
            if (colours == Colours::keep && sequence.starts_with("\x1b[") &&
                sequence.find_first_not_of("0123456789;:", 2) == used - 1 && sequence.back() == 'm')
                text += sequence;
        } else if (first == '\t' || is_between(line[0], ' ', '~')) {
            text += line[0];
        } else if (first < 0x80) {
            fmt::format_to(std::back_inserter(text), "\\x{:02x}", first);
        } else if (used = character_length(line); used == 0) {
            used = 1;
            text += replacement;
        } else if (first == 0xc2 && static_cast<std::uint8_t>(line[1]) < 0xa0) {
            // C1 control characters, which some terminals interpret.
            fmt::format_to(std::back_inserter(text), "\\x{:02x}",
                           static_cast<std::uint8_t>(line[1]));
        } else {
            text += line.substr(0, used);
        }
        line.remove_prefix(used);
    }
    return text;
}

std::string decodable(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        auto length = character_length(bytes);
        text += bytes.substr(0, length);
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return text;
}

}  // namespace charioteer::io
