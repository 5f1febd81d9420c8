#pragma once

#include <filesystem>

namespace charioteer::io {

/// Where the shared object or program that this code is in lies: what belongs to the installation
/// is beside it. Empty when that is not known.
std::filesystem::path own_directory();

}  // namespace charioteer::io
