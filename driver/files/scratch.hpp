#pragma once

#include <filesystem>
#include <string>

#include "io/unique_fd.hpp"

namespace charioteer::files {

/// A new directory for the duration of a copy, removed with its content by the destructor.
///
/// A guest may write to the parent and replace the directory by a link, so the driver accesses it
/// only through its descriptor, which always refers to a directory in `parent`. Its path is only
/// for the guest. Blocks on the disk.
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
