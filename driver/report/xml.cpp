#include "report/xml.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include "io/printable.hpp"

namespace charioteer::report {

namespace {

using Replacements = std::array<std::pair<char, std::string_view>, 6>;

constexpr Replacements in_content{{{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}}};
constexpr Replacements in_single_quotes{
    {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'\t', "&#9;"}, {'\n', "&#10;"}}};
constexpr Replacements in_double_quotes{{{'&', "&amp;"},
                                         {'<', "&lt;"},
                                         {'>', "&gt;"},
                                         {'\t', "&#9;"},
                                         {'\n', "&#10;"},
                                         {'"', "&quot;"}}};

std::string replaced(const std::string& text, const Replacements& replacements) {
    std::string result;
    result.reserve(text.size());
    for (char character : text) {
        std::string_view instead;
        for (auto [from, to] : replacements)
            if (from == character && !to.empty()) instead = to;
        if (instead.empty())
            result += character;
        else
            result += instead;
    }
    return result;
}

}  // namespace

std::string xml_text(std::string_view text) {
    auto characters = io::decodable(text);
    std::string result;
    result.reserve(characters.size());
    for (std::string_view rest = characters; !rest.empty();) {
        auto first = static_cast<std::uint8_t>(rest[0]);
        std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        auto character = rest.substr(0, length);
        rest.remove_prefix(length);
        bool is_control = first == 0x7f || (first < ' ' && first != '\t' && first != '\n') ||
                          (first == 0xc2 && static_cast<std::uint8_t>(character[1]) < 0xa0);
        bool is_no_character = character == "\xef\xbf\xbe" || character == "\xef\xbf\xbf";
        if (!is_control && !is_no_character) result += character;
    }
    return result;
}

std::string xml_content(std::string_view text) {
    return replaced(xml_text(text), in_content);
}

std::string xml_attribute(std::string_view text) {
    auto value = xml_text(text);
    if (value.find('"') != value.npos && value.find('\'') == value.npos)
        return "'" + replaced(value, in_single_quotes) + "'";
    return '"' + replaced(value, in_double_quotes) + '"';
}

}  // namespace charioteer::report
