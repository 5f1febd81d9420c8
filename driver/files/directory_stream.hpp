#pragma once

#include <dirent.h>
#include <fcntl.h>

#include <memory>

#include "io/unique_fd.hpp"

namespace charioteer::files {

/// Opens a directory, but not a link to one.
inline constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct CloseDirectory {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

/// The entries of the open directory `fd`, which the stream closes. Null, with the reason in errno,
/// if `fd` is no open directory.
inline DirectoryStream directory_stream(io::UniqueFd fd) noexcept {
    DirectoryStream stream(fd ? ::fdopendir(fd.get()) : nullptr);
    if (stream) fd.release();
    return stream;
}

}  // namespace charioteer::files
