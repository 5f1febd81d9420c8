#pragma once

#include <stddef.h>

#include "agent/text.hpp"

namespace charioteer::agent {

/// Says "PROGRAM: PATH: REASON" on standard error, in one line whatever is in the path.
void complain(const char* program, const char* path, const char* reason);
/// The same with what Linux said, a negative number, in words if it is a common one.
void complain(const char* program, const char* path, long error);

/// A path for complaints, which grows and shrinks by a component. Of one that is too long for its
/// room the end is missing.
class ShownPath {
public:
    void add(const char* component) {
        auto length = strlen(text_);
        if (length > 0 && text_[length - 1] != '/') append("/");
        append(component);
    }
    /// Drops everything after that many characters.
    void cut(size_t length) { text_[length] = '\0'; }
    size_t size() const { return strlen(text_); }
    const char* c_str() const { return text_; }

private:
    void append(const char* text) {
        auto at = strlen(text_);
        while (*text != '\0' && at + 1 < sizeof text_) text_[at++] = *text++;
        text_[at] = '\0';
    }

    char text_[4096] = {};
};

}  // namespace charioteer::agent
