#pragma once

namespace charioteer::process::guard {

/// Reads datagrams from the control socket until the driver is gone: '+' or '-' and the path of a
/// directory that the driver has claimed (claim.hpp) or given back. Then removes from each claimed
/// directory and the folders in it the sockets, then its lock file, and the directory itself if
/// nothing else is in it. A directory whose lock another living driver has taken is left alone.
int clean();

}  // namespace charioteer::process::guard
