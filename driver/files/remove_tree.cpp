#include "files/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "files/directory_stream.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::files {

namespace {

/// Opens a directory, whose mode may deny access to its owner. Changes the mode through a
/// descriptor, because changing it by name could follow a link.
io::UniqueFd open_to_remove(int directory, const char* name) noexcept {
    io::UniqueFd fd(::openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return {};
    char by_descriptor[64];
    *fmt::format_to_n(by_descriptor, sizeof by_descriptor - 1, "/proc/self/fd/{}", fd.get()).out =
        '\0';
    ::chmod(by_descriptor, 0700);
    return io::UniqueFd(::openat(fd.get(), ".", directory_flags));
}

}  // namespace

void remove_tree(int directory, const char* name) noexcept {
    if (::unlinkat(directory, name, 0) == 0 || errno != EISDIR) return;
    auto stream = directory_stream(open_to_remove(directory, name));
    if (!stream) return;
    auto inner = ::dirfd(stream.get());
    while (const auto* entry = ::readdir(stream.get()))
        if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")
            remove_tree(inner, entry->d_name);
    ::unlinkat(directory, name, AT_REMOVEDIR);
}

}  // namespace charioteer::files
