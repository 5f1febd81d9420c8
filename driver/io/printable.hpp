#pragma once

#include <string>
#include <string_view>

namespace charioteer::io {

/// What becomes of the colours of a text (ECMA-48, "select graphic rendition").
enum class Colours { keep, drop };

/// `line`, which somebody wrote whom one need not trust, in a form that moves no cursor and sets no
/// title: without escape sequences, other control characters as "\x07", and U+FFFD for bytes that
/// are not UTF-8. Tabs stay.
std::string printable(std::string_view line, Colours colours);

/// `bytes` without those that are not UTF-8, as Python decodes with errors="ignore".
std::string decodable(std::string_view bytes);

}  // namespace charioteer::io
