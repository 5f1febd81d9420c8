#include "process/guard/clean.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "process/guard/message.hpp"

namespace charioteer::process::guard {

namespace {

/// Acquires the lock of `directory` when the guards of its processes, which also hold it, have
/// ended. The descriptor stays open until the end of this process. Returns false after 10 s for all
/// directories together: then a running driver has the lock.
bool take_lock(const std::string& directory, int& tries) {
    int fd = ::open((directory + "/lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return false;
    timespec pause{0, 10'000'000};
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (tries-- <= 0) return false;
        ::nanosleep(&pause, nullptr);
    }
    return true;
}

/// Removes the sockets in `directory` and, for those of helpers, in folders down to `levels` below
/// it.
void remove_sockets(const std::string& directory, int levels) {
    DIR* listing = ::opendir(directory.c_str());
    if (!listing) return;
    while (const dirent* entry = ::readdir(listing)) {
        std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        std::string path = directory + "/" + entry->d_name;
        struct stat info {};
        if (::lstat(path.c_str(), &info) != 0) continue;
        if (S_ISSOCK(info.st_mode)) ::unlink(path.c_str());
        if (S_ISDIR(info.st_mode) && levels > 0) remove_sockets(path, levels - 1);
    }
    ::closedir(listing);
}

}  // namespace

int clean() {
    std::vector<std::string> directories;
    std::string buffer(PATH_MAX + 1, '\0');
    for (;;) {
        ssize_t got = ::recv(control_fd, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        std::string path = buffer.substr(1, static_cast<std::size_t>(got) - 1);
        if (buffer[0] == '+')
            directories.push_back(std::move(path));
        else
            std::erase(directories, path);
    }
    int tries = 1000;  // with a pause of 10 ms between them
    for (const auto& directory : directories) {
        if (!take_lock(directory, tries)) continue;
        remove_sockets(directory, 1);
        ::unlink((directory + "/lock").c_str());
        ::rmdir(directory.c_str());
    }
    return 0;
}

}  // namespace charioteer::process::guard
