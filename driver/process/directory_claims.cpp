#include "process/directory_claims.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "io/error.hpp"
#include "process/guard/message.hpp"
#include "process/spawn.hpp"

namespace charioteer::process {

namespace {

using namespace std::chrono_literals;

/// How long claim() waits for the guards of a killed driver to release a lock.
constexpr auto takeover_limit = 5s;

pid_t read_owner(int lock) {
    std::array<char, 32> text{};
    auto got = ::pread(lock, text.data(), text.size() - 1, 0);
    return got > 0 ? static_cast<pid_t>(std::strtol(text.data(), nullptr, 10)) : 0;
}

void write_owner(int lock) {
    std::string text = fmt::format("{}\n", ::getpid());
    if (::ftruncate(lock, 0) != 0 ||
        ::pwrite(lock, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        throw io::system_error("cannot write a lock file", errno);
}

/// False if the former owner has removed the file between its opening and its locking here.
bool still_there(int lock, const std::filesystem::path& file) {
    struct stat opened {};
    struct stat named {};
    return ::fstat(lock, &opened) == 0 && ::stat(file.c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

bool alive(pid_t pid) {
    return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

void make_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return;
    if (errno != EEXIST)
        throw io::system_error(fmt::format("cannot make the directory {}", path.string()), errno);
    std::error_code ignored;
    auto type = std::filesystem::status(path, ignored).type();
    // Its former owner may have removed it in between; then try_lock() finds that it is missing.
    bool is_gone =
        type == std::filesystem::file_type::not_found && !std::filesystem::is_symlink(path);
    if (type != std::filesystem::file_type::directory && !is_gone)
        throw io::UsageError(fmt::format("{} exists and is not a directory", path.string()));
}

/// Opens and locks the file. Returns no descriptor if another try may succeed: the file was removed
/// meanwhile, or the guards of an owner that has ended still hold the lock. Throws io::UsageError
/// if the owner is alive.
io::UniqueFd try_lock(const std::filesystem::path& directory, bool last_try) {
    std::filesystem::path file = directory / "lock";
    io::UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) {
        if (errno == ENOENT && !last_try) return {};
        throw io::system_error(fmt::format("cannot open {}", file.string()), errno);
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        pid_t owner = read_owner(lock.get());
        if (alive(owner) || last_try)
            throw io::UsageError(fmt::format(
                "{} is in use by process {}, another run of the driver; end it, or give this run "
                "another XDG_RUNTIME_DIR",
                directory.string(), owner));
        return {};
    }
    if (!still_there(lock.get(), file)) return {};
    return lock;
}

}  // namespace

std::shared_ptr<DirectoryClaims> DirectoryClaims::start() {
    auto [ours, theirs] = make_control_pair();
    SpawnPlan plan;
    plan.arguments = {guard_program().string(), "clean"};
    plan.descriptors = {{theirs.get(), guard::control_fd}};
    // With the driver's standard streams it would delay the end of the driver's output pipe.
    io::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (int stream : {0, 1, 2}) plan.descriptors.emplace_back(null.get(), stream);
    plan.directory = "/";
    pid_t pid = spawn(plan);
    return std::shared_ptr<DirectoryClaims>(new DirectoryClaims(std::move(ours), pid));
}

DirectoryClaims::DirectoryClaims(io::UniqueFd control, pid_t pid)
    : control_(std::move(control)), lifeline_(control_.get()), pid_(pid), owner_(::getpid()) {}

DirectoryClaims::~DirectoryClaims() {
    lifeline_.reset();
    control_.reset();
    if (!is_foreign()) ::waitpid(pid_, nullptr, 0);
}

void DirectoryClaims::send(char action, const std::filesystem::path& path) noexcept {
    std::string_view name = path.native();
    iovec parts[2] = {{&action, 1}, {const_cast<char*>(name.data()), name.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    // Fails if the cleaning process was killed; release() still removes the files.
    ::sendmsg(control_.get(), &message, MSG_NOSIGNAL);
}

ClaimedDirectory DirectoryClaims::claim(const std::filesystem::path& given,
                                        const std::function<void()>& idle) {
    std::filesystem::path path = std::filesystem::absolute(given);
    auto give_up = std::chrono::steady_clock::now() + takeover_limit;
    io::UniqueFd lock;
    while (!lock) {
        bool last_try = std::chrono::steady_clock::now() > give_up;
        make_directory(path);
        lock = try_lock(path, last_try);
        if (lock) break;
        if (idle) idle();
        std::this_thread::sleep_for(10ms);
    }
    write_owner(lock.get());
    send('+', path);
    return ClaimedDirectory(std::move(path), std::move(lock), shared_from_this());
}

ClaimedDirectory::ClaimedDirectory(std::filesystem::path path, io::UniqueFd lock,
                                   std::shared_ptr<DirectoryClaims> claims)
    : path_(std::move(path)),
      lock_(std::move(lock)),
      held_(std::make_unique<io::DriverOnly>(lock_.get())),
      claims_(std::move(claims)) {}

ClaimedDirectory& ClaimedDirectory::operator=(ClaimedDirectory&& other) noexcept {
    if (this == &other) return *this;
    release();
    path_ = std::move(other.path_);
    lock_ = std::move(other.lock_);
    held_ = std::move(other.held_);
    claims_ = std::move(other.claims_);
    return *this;
}

void ClaimedDirectory::release() noexcept {
    if (!lock_) return;
    if (!claims_->is_foreign()) {
        // Removed while the lock is held, so that it cannot be the lock of another driver.
        ::unlink((path_ / "lock").c_str());
        ::rmdir(path_.c_str());
        claims_->send('-', path_);
    }
    held_.reset();
    lock_.reset();
    claims_.reset();
}

}  // namespace charioteer::process
