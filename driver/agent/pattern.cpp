#include "agent/pattern.hpp"

#include "agent/text.hpp"

namespace charioteer::agent {

namespace {

bool has(const char* characters, char wanted) {
    for (; *characters != '\0'; ++characters)
        if (*characters == wanted) return true;
    return false;
}

/// Whether a set may contain a class such as [:alpha:], [.a.] or [=a=].
bool has_class(const char* word) {
    for (; *word != '\0'; ++word) {
        if (word[0] != '[' || !has(":.=", word[1]) || word[1] == '\0') continue;
        for (const auto* end = word + 2; *end != '\0'; ++end)
            if (end[0] == word[1] && end[1] == ']') return true;
    }
    return false;
}

/// The text after the set that begins at `set`, or null if it is not terminated: then its `[` is an
/// ordinary character.
const char* match_set(const char* set, const char* end, unsigned char character, bool& matched) {
    const auto* at = set + 1;
    bool inverted = at < end && (*at == '!' || *at == '^');
    if (inverted) ++at;
    bool found = false;
    for (bool first = true; at < end && (first || *at != ']'); first = false) {
        auto low = static_cast<unsigned char>(*at);
        auto high = low;
        if (end - at > 2 && at[1] == '-' && at[2] != ']') {
            high = static_cast<unsigned char>(at[2]);
            at += 2;
        }
        ++at;
        found = found || (low <= character && character <= high);
    }
    if (at >= end) return nullptr;
    matched = found != inverted;
    return at + 1;
}

/// The text after the part of the pattern that matches the character, or null.
const char* match_one(const char* at, const char* end, char character) {
    if (at == end) return nullptr;
    if (*at == '?') return at + 1;
    if (*at == '[') {
        bool matched = false;
        const auto* after = match_set(at, end, static_cast<unsigned char>(character), matched);
        if (after != nullptr) return matched ? after : nullptr;
    }
    return *at == character ? at + 1 : nullptr;
}

}  // namespace

bool is_plain_word(const char* word) {
    if (*word == '\0' || *word == '#' || has_class(word)) return false;
    if (word[0] == '~' && word[1] != '/' && word[1] != '\0') return false;  // another user's home
    for (; *word != '\0'; ++word) {
        auto character = static_cast<unsigned char>(*word);
        if (character <= ' ' || character == 0x7f || has("'\"`$\\;&|<>(){}", *word)) return false;
    }
    return true;
}

bool is_pattern(const char* component, size_t size) {
    for (size_t at = 0; at < size; ++at)
        if (has("*?[", component[at])) return true;
    return false;
}

bool matches(const char* component, size_t size, const char* name) {
    const auto* at = component;
    const auto* end = component + size;
    if (*name == '.' && (size == 0 || *at != '.')) return false;
    const char* star = nullptr;    // the pattern after the last `*`
    const char* resume = nullptr;  // the end of the part of the name that the `*` matches so far
    while (*name != '\0') {
        if (at < end && *at == '*') {
            star = ++at;
            resume = name;
        } else if (const auto* after = match_one(at, end, *name); after != nullptr) {
            at = after;
            ++name;
        } else if (star != nullptr) {
            at = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (at < end && *at == '*') ++at;
    return at == end;
}

}  // namespace charioteer::agent
