#include "agent/pattern.hpp"

#include "agent/text.hpp"

namespace charioteer::agent {

namespace {

bool has(const char* characters, char wanted) {
    for (; *characters != '\0'; ++characters)
        if (*characters == wanted) return true;
    return false;
}

/// Whether a set may have a class as [:alpha:], [.a.] or [=a=] in it.
bool has_class(const char* word) {
    for (; *word != '\0'; ++word) {
        if (word[0] != '[' || !has(":.=", word[1]) || word[1] == '\0') continue;
        for (const auto* end = word + 2; *end != '\0'; ++end)
            if (end[0] == word[1] && end[1] == ']') return true;
    }
    return false;
}

/// What follows the set that begins at `set`, or null when nothing ends it: its `[` then is one.
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

/// What follows the part of the component that takes the character, or null.
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
    if (word[0] == '~' && word[1] != '/' && word[1] != '\0') return false;  // another's home
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
    const char* star = nullptr;    // what follows the last one
    const char* resume = nullptr;  // where in the name it ends for now
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
