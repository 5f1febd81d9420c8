#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "io/fork.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::process {

class DirectoryClaims;

/// A directory that is used by this driver exclusively for the lifetime of the object: it holds a
/// lock on the file `lock` in it, which contains the process id of the owner. If the driver is
/// killed, a cleaning process that outlives it removes the sockets and the lock.
class ClaimedDirectory {
public:
    ClaimedDirectory() = default;
    ClaimedDirectory(ClaimedDirectory&&) noexcept = default;
    ClaimedDirectory& operator=(ClaimedDirectory&& other) noexcept;
    ~ClaimedDirectory() { release(); }

    const std::filesystem::path& path() const noexcept { return path_; }
    /// The lock's descriptor; the directory stays claimed while a process that inherits it runs.
    int lock() const noexcept { return lock_.get(); }

    /// Removes the lock, and the directory if it is empty then. Idempotent. Removes nothing in a
    /// forked child.
    void release() noexcept;

private:
    friend class DirectoryClaims;
    ClaimedDirectory(std::filesystem::path path, io::UniqueFd lock,
                     std::shared_ptr<DirectoryClaims> claims);

    std::filesystem::path path_;
    io::UniqueFd lock_;
    std::unique_ptr<io::DriverOnly> held_;  ///< closes lock_ in forked children
    std::shared_ptr<DirectoryClaims> claims_;
};

/// Claims directories, and owns the process that cleans them up when the driver is killed.
class DirectoryClaims : public std::enable_shared_from_this<DirectoryClaims> {
public:
    /// Throws io::Error when the process cannot be started.
    static std::shared_ptr<DirectoryClaims> start();
    DirectoryClaims(const DirectoryClaims&) = delete;
    DirectoryClaims& operator=(const DirectoryClaims&) = delete;
    /// Ends the cleaning process.
    ~DirectoryClaims();

    /// Claims `path`, which is created with mode 0700 if missing. Waits up to 5 s for the guards of
    /// a killed driver and calls `idle` meanwhile, which may throw to end the wait. Any thread.
    /// Throws io::UsageError with the owner if a running driver has claimed it, io::Error for
    /// system errors.
    ClaimedDirectory claim(const std::filesystem::path& path,
                           const std::function<void()>& idle = nullptr);

private:
    friend class ClaimedDirectory;
    DirectoryClaims(io::UniqueFd control, pid_t pid);
    void send(char action, const std::filesystem::path& path) noexcept;
    /// Whether this is a forked child of the process that created the object.
    bool is_foreign() const noexcept { return ::getpid() != owner_; }

    io::UniqueFd control_;
    std::optional<io::DriverOnly> lifeline_;  ///< control_, whose end shows the driver's end
    pid_t pid_;
    pid_t owner_;
};

}  // namespace charioteer::process
