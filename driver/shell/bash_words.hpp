#pragma once

#include <string>
#include <string_view>

namespace charioteer::shell {

/// `text` as one word of a POSIX shell: in single quotes unless it needs none.
std::string quote(std::string_view text);

/// Reverses bash's `printf %q` in the locale C. Throws io::Error for a word that it cannot have
/// printed.
std::string unquote(std::string_view word);

}  // namespace charioteer::shell
