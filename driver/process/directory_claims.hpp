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

/// A directory that belongs to this driver alone while this object lives, marked by a lock on the
/// file `lock` in it, which has the process id of the owner. When the driver is killed, a cleaning
/// process that outlives it removes its sockets and the lock.
class ClaimedDirectory {
public:
    ClaimedDirectory() = default;
    ClaimedDirectory(ClaimedDirectory&&) noexcept = default;
    ClaimedDirectory& operator=(ClaimedDirectory&& other) noexcept;
    ~ClaimedDirectory() { release(); }

    const std::filesystem::path& path() const noexcept { return path_; }
    /// The lock's descriptor; a process that inherits it keeps the directory claimed.
    int lock() const noexcept { return lock_.get(); }

    /// Removes the lock, and the directory when nothing else is in it. Idempotent. In a forked
    /// child it only forgets them.
    void release() noexcept;

private:
    friend class DirectoryClaims;
    ClaimedDirectory(std::filesystem::path path, io::UniqueFd lock,
                     std::shared_ptr<DirectoryClaims> claims);

    std::filesystem::path path_;
    io::UniqueFd lock_;
    std::unique_ptr<io::DriverOnly> held_;  ///< lock_, which a forked child must not hold
    std::shared_ptr<DirectoryClaims> claims_;
};

/// Claims directories, and owns the process that cleans them up when the driver is killed.
class DirectoryClaims : public std::enable_shared_from_this<DirectoryClaims> {
public:
    /// Throws io::Error when the process cannot be started.
    static std::shared_ptr<DirectoryClaims> start();
    DirectoryClaims(const DirectoryClaims&) = delete;
    DirectoryClaims& operator=(const DirectoryClaims&) = delete;
    /// The cleaning process then ends.
    ~DirectoryClaims();

    /// Claims `path`, made with mode 0700 if need be. Waits 5 s at most for the guards of a driver
    /// that was just killed, and calls `idle` meanwhile, which may throw to end the wait. Any
    /// thread. Throws io::UsageError naming the owner when a living driver has it; io::Error when
    /// the system refuses.
    ClaimedDirectory claim(const std::filesystem::path& path,
                           const std::function<void()>& idle = nullptr);

private:
    friend class ClaimedDirectory;
    DirectoryClaims(io::UniqueFd control, pid_t pid);
    void send(char action, const std::filesystem::path& path) noexcept;
    /// In a child that was forked from the process that started it.
    bool is_foreign() const noexcept { return ::getpid() != owner_; }

    io::UniqueFd control_;
    std::optional<io::DriverOnly> lifeline_;  ///< control_, whose end the process takes for ours
    pid_t pid_;
    pid_t owner_;
};

}  // namespace charioteer::process
