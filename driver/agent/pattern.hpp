#pragma once

#include <stddef.h>

namespace charioteer::agent {

/// Whether a shell takes the word as it is, but for patterns and `~`: no quotes, variables or other
/// characters that only a shell interprets.
bool is_plain_word(const char* word);

/// Whether a component of a path is more than a name.
bool is_pattern(const char* component, size_t size);

/// Whether a component with `*`, `?` and `[...]` matches a name as in a shell: a leading dot only
/// by a dot, characters as bytes.
bool matches(const char* component, size_t size, const char* name);

}  // namespace charioteer::agent
