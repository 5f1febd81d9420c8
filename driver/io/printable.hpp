#pragma once

#include <string>
#include <string_view>

namespace charioteer::io {

/// Whether colours of a text (ECMA-48, "select graphic rendition") are kept.
enum class Colours { keep, drop };

/// Escapes a line from an untrusted source for display: removes escape sequences, shows other
/// control characters as "\x07", and replaces invalid UTF-8 by U+FFFD. Keeps tabs.
std::string printable(std::string_view line, Colours colours);

/// `bytes` without invalid UTF-8, like Python's decode(errors="ignore").
std::string decodable(std::string_view bytes);

}  // namespace charioteer::io
