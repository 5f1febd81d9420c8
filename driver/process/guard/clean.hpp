#pragma once

namespace charioteer::process::guard {

/// Reads datagrams from the control socket until the driver ends: '+' or '-' and the path of a
/// directory that the driver has claimed (directory_claims.hpp) or released. Then removes the
/// sockets in each claimed directory and its folders, its lock file, and the directory itself if it
/// is empty. Skips directories whose lock another running driver has acquired.
int clean();

}  // namespace charioteer::process::guard
