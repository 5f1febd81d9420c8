#pragma once

#include <stddef.h>

namespace charioteer::agent {

/// Whether a shell interprets only patterns and `~` in the word: it has no quotes, variables or
/// other special characters.
bool is_plain_word(const char* word);

/// Whether a component of a path has pattern characters.
bool is_pattern(const char* component, size_t size);

/// Whether a component with `*`, `?` and `[...]` matches a name like in a shell: a leading dot only
/// by a dot, bytewise.
bool matches(const char* component, size_t size, const char* name);

}  // namespace charioteer::agent
