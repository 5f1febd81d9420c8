#pragma once

namespace charioteer::files {

/// Removes the file or tree `name` in an open directory, as far as permissions allow. Follows no
/// links, even if other processes change the tree meanwhile; changes the modes of directories that
/// deny access to their owner.
void remove_tree(int directory, const char* name) noexcept;

}  // namespace charioteer::files
