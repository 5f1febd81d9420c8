#pragma once

#include <filesystem>
#include <string>

#include "io/unique_fd.hpp"

namespace charioteer::files {

/// A new directory that is gone, with all that is in it, when the copy is over.
///
/// The directory that it is in may belong to a guest, who puts a link where it was: it is only ever
/// reached by its descriptor, which is of a directory in `parent`, whatever happens. Its path is
/// for those who are not to be protected. Blocks on the disk.
class Scratch {
public:
    /// Throws io::Error.
    explicit Scratch(const std::filesystem::path& parent);
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch();

    int fd() const noexcept { return fd_.get(); }
    /// Its name in the parent.
    const std::string& name() const noexcept { return name_; }
    std::filesystem::path path() const { return parent_path_ / name_; }

private:
    std::filesystem::path parent_path_;
    io::UniqueFd parent_;
    std::string name_;
    io::UniqueFd fd_;
};

}  // namespace charioteer::files
