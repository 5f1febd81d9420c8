#pragma once

#include <stddef.h>

#include "agent/text.hpp"

namespace charioteer::agent {

using ErrorText = Text<96>;

/// The meaning of a negative errno value: words for a common one, otherwise its number.
ErrorText describe_error(long error);
/// The name of a negative errno value, "EAGAIN", or its number if it is not in the table.
ErrorText error_name(long error);

/// Writes "PROGRAM: MESSAGE" to standard error, in one line.
void report_error(const char* program, const char* message);
/// Writes "PROGRAM: PATH: REASON" to standard error, in one line, also if the path has control
/// characters.
void report_error(const char* program, const char* path, const char* reason);
/// The same with describe_error() as the reason.
void report_error(const char* program, const char* path, long error);

/// A path for error messages, to which components are added and removed. A path that is too long
/// for the buffer is truncated.
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
