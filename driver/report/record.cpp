#include "report/record.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "io/printable.hpp"

namespace charioteer::report {

namespace {

/// Bytes that are kept of a longer text. More of its end, where errors are.
constexpr std::size_t kept_head = 4 << 10;
constexpr std::size_t kept_tail = 12 << 10;
constexpr std::size_t most_texts = 32;
constexpr std::size_t longest_character = 4;

bool is_continuation(char byte) {
    return (static_cast<std::uint8_t>(byte) & 0xc0) == 0x80;
}

/// The next position from `at` on, or the last one before, that is not within a character.
std::size_t boundary_after(std::string_view text, std::size_t at) {
    auto end = std::min(text.size(), at + longest_character);
    while (at < end && is_continuation(text[at])) ++at;
    return at;
}

std::size_t boundary_before(std::string_view text, std::size_t at) {
    auto begin = at - std::min(at, longest_character);
    while (at > begin && is_continuation(text[at])) --at;
    return at;
}

/// `text` without its middle; the number of bytes left out.
std::pair<std::string, std::size_t> bounded(std::string_view text) {
    auto head = boundary_before(text, kept_head);
    auto tail = boundary_after(text, text.size() - kept_tail);
    auto left_out = tail - head;
    return {fmt::format("{}\n[... {} bytes left out ...]\n{}", text.substr(0, head), left_out,
                        text.substr(tail)),
            left_out};
}

void append_escaped(std::string& json, char character) {
    switch (character) {
        case '"':
            json += "\\\"";
            break;
        case '\\':
            json += "\\\\";
            break;
        case '\n':
            json += "\\n";
            break;
        case '\t':
            json += "\\t";
            break;
        default:
            fmt::format_to(std::back_inserter(json), "\\u{:04x}",
                           static_cast<std::uint8_t>(character));
    }
}

}  // namespace

std::string json_string(std::string_view bytes) {
    std::string json = "\"";
    json.reserve(bytes.size() + 2);
    while (!bytes.empty()) {
        char first = bytes[0];
        auto length = io::character_length(bytes);
        if (length == 0)
            json += "\xef\xbf\xbd";
        else if (first == '"' || first == '\\' || first == '\x7f' || (length == 1 && first < ' '))
            append_escaped(json, first);
        else
            json += bytes.substr(0, length);
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    json += '"';
    return json;
}

Record& Record::add(std::string_view name, std::string_view json) {
    fmt::format_to(std::back_inserter(fields_), ",\"{}\":{}", name, json);
    return *this;
}

Record& Record::text(std::string_view name, std::string_view bytes) {
    if (bytes.size() <= kept_head + kept_tail) return add(name, json_string(bytes));
    auto [kept, left_out] = bounded(bytes);
    cut_ += fmt::format("{}\"{}\":{}", cut_.empty() ? "" : ",", name, left_out);
    return add(name, json_string(kept));
}

Record& Record::texts(std::string_view name, const std::vector<std::string>& values) {
    std::string json;
    for (std::size_t at = 0; at < std::min(values.size(), most_texts); ++at) {
        const auto& value = values[at];
        bool is_long = value.size() > kept_head + kept_tail;
        json += (at == 0 ? "" : ",") + json_string(is_long ? bounded(value).first : value);
    }
    return add(name, "[" + json + "]");
}

Record& Record::number(std::string_view name, std::int64_t value) {
    return add(name, std::to_string(value));
}

Record& Record::number(std::string_view name, double value) {
    return add(name, std::isfinite(value) ? fmt::format("{:.6f}", value) : "null");
}

Record& Record::numbers(std::string_view name, const std::vector<std::int64_t>& values) {
    return add(name, fmt::format("[{}]", fmt::join(values, ",")));
}

Record& Record::flag(std::string_view name, bool value) {
    return add(name, value ? "true" : "false");
}

Record& Record::object(std::string_view name,
                       const std::vector<std::pair<std::string, std::string>>& entries) {
    Record inner;
    for (const auto& [entry, value] : entries) {
        auto key = json_string(entry);
        inner.text(std::string_view(key).substr(1, key.size() - 2), value);
    }
    auto fields = inner.fields();
    return add(name, "{" + (fields.empty() ? fields : fields.substr(1)) + "}");
}

std::string Record::fields() const {
    return cut_.empty() ? fields_ : fmt::format("{},\"cut\":{{{}}}", fields_, cut_);
}

}  // namespace charioteer::report
