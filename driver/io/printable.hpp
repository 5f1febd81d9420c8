#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace charioteer::io {

/// Whether colours of a text (ECMA-48, "select graphic rendition") are kept.
enum class Colours { keep, drop };

/// Escapes a line from an untrusted source for display: removes escape sequences, shows other
/// control characters as "\x07", and replaces invalid UTF-8 by U+FFFD. Keeps tabs.
std::string printable(std::string_view line, Colours colours);

/// The length in bytes of the UTF-8 character at the begin of `text`, which is not empty; 0 if it
/// is invalid.
std::size_t character_length(std::string_view text);

/// `bytes` without invalid UTF-8, like Python's decode(errors="ignore").
std::string decodable(std::string_view bytes);

}  // namespace charioteer::io
