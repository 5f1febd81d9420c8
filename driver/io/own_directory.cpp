#include "io/own_directory.hpp"

#include <dlfcn.h>

namespace charioteer::io {

std::filesystem::path own_directory() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(&own_directory), &info) == 0 || !info.dli_fname) return {};
    return std::filesystem::absolute(info.dli_fname).parent_path();
}

}  // namespace charioteer::io
