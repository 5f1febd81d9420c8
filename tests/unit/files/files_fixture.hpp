#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "frames/tree.hpp"
#include "io/error.hpp"

namespace charioteer::files {

namespace fs = std::filesystem;

inline void write_file(const fs::path& path, std::string_view content, unsigned mode = 0644) {
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), mode);
}

inline std::string read_file(const fs::path& path) {
    std::stringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
}

inline unsigned mode_of(const fs::path& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 010000;
}

/// The paths in a directory, below it, with "/" after directories and " -> target" after links.
inline std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        auto name = entry.path().lexically_relative(folder).string();
        if (entry.is_symlink())
            name += " -> " + fs::read_symlink(entry.path()).string();
        else if (entry.is_directory())
            name += "/";
        names.insert(name);
    }
    return names;
}

/// The text of the io::Error that `act` throws.
template <class Act>
std::string error_of(Act act) {
    try {
        act();
    } catch (const io::Error& error) {
        return error.what();
    }
    return "no error";
}

/// Content of `size` bytes without a short period.
inline std::string content(std::size_t size) {
    std::string bytes(size, '\0');
    unsigned state = 1;
    for (auto& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
}

/// Builds a stream entry by entry.
class Stream {
public:
    Stream& directory(std::string_view name, unsigned mode = 0755) {
        return add({.kind = frames::EntryKind::directory, .mode = short_mode(mode), .name = name});
    }
    Stream& open(std::string_view name, unsigned mode = 0644) {
        return add({.kind = frames::EntryKind::file, .mode = short_mode(mode), .name = name});
    }
    Stream& data(std::string_view bytes) {
        add({.kind = frames::EntryKind::data, .size = bytes.size()});
        bytes_ += bytes;
        return *this;
    }
    Stream& file(std::string_view name, std::string_view bytes, unsigned mode = 0644) {
        open(name, mode);
        if (!bytes.empty()) data(bytes);
        return add({.kind = frames::EntryKind::close});
    }
    Stream& link(std::string_view name, std::string_view target) {
        return add({.kind = frames::EntryKind::link, .name = name, .target = target});
    }
    Stream& leave() { return add({.kind = frames::EntryKind::leave}); }
    Stream& end() { return add({.kind = frames::EntryKind::end}); }
    Stream& add(const frames::Entry& entry) {
        unsigned char buffer[frames::max_entry];
        bytes_.append(reinterpret_cast<const char*>(buffer), frames::write_entry(entry, buffer));
        return *this;
    }
    operator const std::string&() const { return bytes_; }

private:
    static std::uint16_t short_mode(unsigned mode) { return static_cast<std::uint16_t>(mode); }

    std::string bytes_;
};

class FilesTest : public testing::Test {
protected:
    FilesTest() {
        // In memory if possible: thousands of small files need many seconds on a busy disk.
        fs::path parent = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : fs::temp_directory_path();
        auto pattern = (parent / "files-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
        folder_ = pattern;
    }
    ~FilesTest() override {
        if (mounted_) ::umount2((folder_ / "small").c_str(), MNT_DETACH);
        std::error_code ignored;
        // Without root, the content of read-only directories could not be removed.
        for (fs::recursive_directory_iterator at(folder_, ignored), end; at != end;
             at.increment(ignored))
            if (fs::is_directory(at->symlink_status(ignored))) ::chmod(at->path().c_str(), 0700);
        fs::remove_all(folder_, ignored);
    }

    /// Mounts a file system of that size at "small"; false without the permission to mount.
    bool mount_small(const std::string& size = "1m") {
        fs::create_directory(folder_ / "small");
        auto options = "size=" + size;
        mounted_ = ::mount("tmpfs", (folder_ / "small").c_str(), "tmpfs", 0, options.c_str()) == 0;
        return mounted_;
    }

    fs::path folder_;

private:
    bool mounted_ = false;
};

}  // namespace charioteer::files
