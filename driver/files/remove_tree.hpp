#pragma once

namespace charioteer::files {

/// Removes what `name` in the open directory is, with all that is in it, as far as we may. No link
/// is followed, even if others change the tree meanwhile; directories that keep their owner out are
/// opened for it.
void remove_tree(int directory, const char* name) noexcept;

}  // namespace charioteer::files
