#include "shell/bash_words.hpp"

#include <fmt/format.h>

#include "io/error.hpp"

namespace charioteer::shell {

namespace {

[[noreturn]] void refuse(std::string_view word, std::size_t at) {
    throw io::Error(
        fmt::format("not a word quoted by bash: error at byte {} of {}", at, word.size()));
}

/// The character with the code of up to three octal digits at `at`, which is moved behind them.
char octal(std::string_view word, std::size_t& at) {
    unsigned value = 0;
    for (int digits = 0; digits < 3 && at < word.size() && word[at] >= '0' && word[at] <= '7';
         ++digits)
        value = value * 8 + static_cast<unsigned>(word[at++] - '0');
    return static_cast<char>(value);
}

/// The text of `word`, which is the part between "$'" and "'".
std::string unquote_escapes(std::string_view word) {
    constexpr std::string_view letters = "abtnvfrE\\'\"?";
    constexpr std::string_view meanings = "\a\b\t\n\v\f\r\x1b\\'\"?";
    std::string text;
    for (std::size_t at = 0; at < word.size();) {
        if (word[at] != '\\') {
            if (word[at] == '\'') refuse(word, at);
            text.push_back(word[at++]);
            continue;
        }
        if (++at == word.size()) refuse(word, at);
        if (auto letter = letters.find(word[at]); letter != std::string_view::npos) {
            text.push_back(meanings[letter]);
            ++at;
        } else if (word[at] >= '0' && word[at] <= '7') {
            text.push_back(octal(word, at));
        } else {
            refuse(word, at);
        }
    }
    return text;
}

}  // namespace

std::string quote(std::string_view text) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";
    if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos)
        return std::string(text);
    std::string quoted = "'";
    for (char character : text) {
        if (character == '\'')
            quoted += "'\"'\"'";
        else
            quoted.push_back(character);
    }
    return quoted + "'";
}

std::string unquote(std::string_view word) {
    if (word == "''") return "";
    if (word.starts_with("$'")) {
        if (word.size() < 3 || !word.ends_with('\'')) refuse(word, word.size());
        return unquote_escapes(word.substr(2, word.size() - 3));
    }
    if (word.empty()) refuse(word, 0);
    std::string text;
    for (std::size_t at = 0; at < word.size(); ++at) {
        // Bash would have put a backslash in front of these.
        if (std::string_view(" \t'\"$`").find(word[at]) != std::string_view::npos) refuse(word, at);
        if (word[at] == '\\' && ++at == word.size()) refuse(word, at);
        text.push_back(word[at]);
    }
    return text;
}

}  // namespace charioteer::shell
