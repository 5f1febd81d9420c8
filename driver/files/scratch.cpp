#include "files/scratch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "files/new_name.hpp"
#include "files/remove_tree.hpp"
#include "io/error.hpp"

namespace charioteer::files {

Scratch::Scratch(const std::filesystem::path& parent)
    : parent_path_(parent),
      parent_(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      name_(new_name("copy-")) {
    if (!parent_ || ::mkdirat(parent_.get(), name_.c_str(), 0700) != 0)
        throw io::system_error(fmt::format("cannot make a folder in {}", parent.string()), errno);
    // The guest may have replaced the directory, but the opened one is no link, so it is in the
    // parent.
    auto flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    fd_ = io::UniqueFd(::openat(parent_.get(), name_.c_str(), flags));
    if (fd_) return;
    auto failure = io::system_error(fmt::format("cannot open {}", path().string()), errno);
    remove_tree(parent_.get(), name_.c_str());
    throw failure;
}

Scratch::~Scratch() {
    remove_tree(parent_.get(), name_.c_str());
}

}  // namespace charioteer::files
