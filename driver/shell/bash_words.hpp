#pragma once

#include <string>
#include <string_view>

namespace charioteer::shell {

/// `text` as one word of a POSIX shell: in single quotes unless it needs none.
std::string quote(std::string_view text);

/// The text of which bash's `printf %q` made `word`, in the locale C. Throws io::Error when it did
/// not.
std::string unquote(std::string_view word);

}  // namespace charioteer::shell
