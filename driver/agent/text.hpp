#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace charioteer::agent {

/// Text in a buffer of fixed size; characters that do not fit are dropped. Always terminated by a
/// NUL.
template <size_t Room>
class Text {
public:
    Text& operator<<(const char* text) { return add(text, strlen(text)); }
    Text& operator<<(uint64_t number) {
        char digits[20];
        size_t at = sizeof digits;
        do {
            digits[--at] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number != 0);
        return add(digits + at, sizeof digits - at);
    }
    Text& add(const char* text, size_t size) {
        if (size > Room - size_) size = Room - size_;
        memcpy(data_ + size_, text, size);
        size_ += size;
        data_[size_] = '\0';
        return *this;
    }
    const char* c_str() const { return data_; }
    size_t size() const { return size_; }
    bool full() const { return size_ == Room; }
    /// Shortens it to `size` characters.
    void cut(size_t size) { data_[size_ = size] = '\0'; }
    void clear() { cut(0); }

private:
    size_t size_ = 0;
    char data_[Room + 1] = {};
};

/// Whether `text` begins with `beginning`.
inline bool starts_with(const char* text, const char* beginning) {
    while (*beginning != '\0')
        if (*text++ != *beginning++) return false;
    return true;
}

inline bool same(const char* left, const char* right) {
    return strlen(left) == strlen(right) && starts_with(left, right);
}

/// The value of a variable of an environment, or null; `name` ends with `=`.
inline const char* find_variable(const char* const* environment, const char* name) {
    for (; *environment != nullptr; ++environment)
        if (starts_with(*environment, name)) return *environment + strlen(name);
    return nullptr;
}

/// The number that `text` begins with, in base 10 or 16; `end` is set to what follows it.
inline uint64_t parse_number(const char* text, unsigned base, const char** end) {
    uint64_t number = 0;
    for (;; ++text) {
        unsigned digit = 0;
        if (*text >= '0' && *text <= '9')
            digit = static_cast<unsigned>(*text - '0');
        else if (base == 16 && *text >= 'a' && *text <= 'f')
            digit = static_cast<unsigned>(*text - 'a' + 10);
        else
            break;
        number = number * base + digit;
    }
    *end = text;
    return number;
}

}  // namespace charioteer::agent
