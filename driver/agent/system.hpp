#pragma once

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/// The system calls that the agent makes, without a C library. Each returns the kernel's result, an
/// error as a negative errno. Only calls that every architecture has are used.
namespace charioteer::agent::sys {

#if defined(__x86_64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
    register long fourth asm("r10") = d;
    register long fifth asm("r8") = e;
    register long sixth asm("r9") = f;
    long result = 0;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                 : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
    register long which asm("x8") = number;
    register long first asm("x0") = a;
    register long second asm("x1") = b;
    register long third asm("x2") = c;
    register long fourth asm("x3") = d;
    register long fifth asm("x4") = e;
    register long sixth asm("x5") = f;
    asm volatile("svc 0"
                 : "+r"(first)
                 : "r"(which), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
                 : "memory");
    return first;
}
#else
#error "the agent supports x86-64 and aarch64 only"
#endif

inline long word(const void* pointer) {
    return reinterpret_cast<long>(pointer);
}

inline long read(int fd, void* target, size_t size) {
    return call(__NR_read, fd, word(target), static_cast<long>(size));
}
inline long write(int fd, const void* source, size_t size) {
    return call(__NR_write, fd, word(source), static_cast<long>(size));
}
inline long open(const char* path, int flags, int mode = 0) {
    return call(__NR_openat, AT_FDCWD, word(path), flags, mode);
}
inline long open_at(int directory, const char* path, int flags, int mode = 0) {
    return call(__NR_openat, directory, word(path), flags, mode);
}
inline void close(int fd) {
    call(__NR_close, fd);
}
/// Closes all descriptors from `first` on; before Linux 5.9 only those below 4096.
inline void close_from(int first) {
    if (call(__NR_close_range, first, ~0U, 0) == 0) return;
    for (; first < 4096; ++first) close(first);
}
inline long pipe(int ends[2], int flags) {
    return call(__NR_pipe2, word(ends), flags);
}
inline long duplicate(int fd, int as) {
    return call(__NR_dup3, fd, as, 0);
}
inline long fcntl(int fd, int command, long argument) {
    return call(__NR_fcntl, fd, command, argument);
}
inline long ioctl(int fd, unsigned long request, void* argument) {
    return call(__NR_ioctl, fd, static_cast<long>(request), word(argument));
}
inline long unlink(const char* path) {
    return call(__NR_unlinkat, AT_FDCWD, word(path), 0);
}
inline long readlink(const char* path, char* target, size_t size) {
    return call(__NR_readlinkat, AT_FDCWD, word(path), word(target), static_cast<long>(size));
}
inline long stat(int fd, struct ::stat* target) {
    return call(__NR_fstat, fd, word(target));
}
/// `flags`: 0 or AT_SYMLINK_NOFOLLOW.
inline long stat_at(int directory, const char* path, struct ::stat* target, int flags) {
    return call(__NR_newfstatat, directory, word(path), word(target), flags);
}
inline long readlink_at(int directory, const char* path, char* target, size_t size) {
    return call(__NR_readlinkat, directory, word(path), word(target), static_cast<long>(size));
}
inline long make_directory(int directory, const char* path, int mode) {
    return call(__NR_mkdirat, directory, word(path), mode);
}
inline long make_link(int directory, const char* path, const char* target) {
    return call(__NR_symlinkat, word(target), directory, word(path));
}
/// `flags`: 0 or AT_REMOVEDIR.
inline long remove_at(int directory, const char* path, int flags) {
    return call(__NR_unlinkat, directory, word(path), flags);
}
/// Both in the same directory.
inline long rename_in(int directory, const char* from, const char* to) {
    return call(__NR_renameat2, directory, word(from), directory, word(to), 0);
}
inline long change_mode(int fd, int mode) {
    return call(__NR_fchmod, fd, mode);
}
/// What entries() writes into its buffer, any number of them.
struct DirectoryEntry {
    uint64_t inode;
    int64_t next;
    uint16_t size;  ///< of this one
    uint8_t type;   ///< as DT_REG
    char name[];
};
inline long stat(const char* path, struct ::stat* target) {
    return call(__NR_newfstatat, AT_FDCWD, word(path), word(target), 0);
}
/// Links are followed.
inline bool exists(const char* path) {
    constexpr long present = 0;  // F_OK
    return call(__NR_faccessat, AT_FDCWD, word(path), present) == 0;
}
inline long inotify(int flags) {
    return call(__NR_inotify_init1, flags);
}
inline long add_watch(int fd, const char* path, uint32_t events) {
    return call(__NR_inotify_add_watch, fd, word(path), events);
}
inline long socket(int domain, int type, int protocol) {
    return call(__NR_socket, domain, type, protocol);
}
inline long connect(int fd, const void* address, size_t size) {
    return call(__NR_connect, fd, word(address), static_cast<long>(size));
}
inline long shutdown(int fd, int how) {
    return call(__NR_shutdown, fd, how);
}
inline long entries(int fd, void* target, size_t size) {
    return call(__NR_getdents64, fd, word(target), static_cast<long>(size));
}
inline void* map(size_t size) {
    auto result = call(__NR_mmap, 0, static_cast<long>(size), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return result < 0 && result > -4096 ? nullptr : reinterpret_cast<void*>(result);
}
inline void unmap(void* memory, size_t size) {
    call(__NR_munmap, word(memory), static_cast<long>(size));
}
inline long fork() {
    return call(__NR_clone, SIGCHLD);
}
inline long execute(const char* path, char* const* arguments, char* const* environment) {
    return call(__NR_execve, word(path), word(arguments), word(environment));
}
[[noreturn]] inline void exit(int status) {
    for (;;) call(__NR_exit_group, status);
}
inline void new_group() {
    call(__NR_setpgid, 0, 0);
}
inline long new_session() {
    return call(__NR_setsid);
}
inline long kill(int process, int signal) {
    return call(__NR_kill, process, signal);
}
inline long process_id() {
    return call(__NR_getpid);
}
/// The calling process is killed when its parent ends, at once when that has ended already.
inline void end_with(long parent) {
    call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (call(__NR_getppid) != parent) exit(1);
}
/// Whether the child has ended, and how. It stays a zombie until reap(), so that its process id and
/// its group's are not reused before.
inline bool has_ended(int process, siginfo_t& how) {
    how.si_pid = 0;
    auto result = call(__NR_waitid, P_PID, process, word(&how), WEXITED | WNOHANG | WNOWAIT);
    return result == 0 && how.si_pid == process;
}
/// False while it has not ended.
inline bool reap(int process) {
    return call(__NR_wait4, process, 0, WNOHANG) != 0;
}
inline long poll(pollfd* entries, size_t count, const timespec* timeout) {
    return call(__NR_ppoll, word(entries), static_cast<long>(count), word(timeout));
}
/// Waits for so many microseconds at most.
inline long poll_for(pollfd* entries, size_t count, uint64_t limit) {
    timespec timeout{.tv_sec = static_cast<time_t>(limit / 1000000),
                     .tv_nsec = static_cast<long>(limit % 1000000 * 1000)};
    return poll(entries, count, &timeout);
}
inline void sleep(uint64_t microseconds) {
    poll_for(nullptr, 0, microseconds);
}
constexpr size_t signal_set_size = 8;
constexpr uint64_t all_signals = ~uint64_t{0};
inline long signal_mask(int how, const uint64_t* set, uint64_t* before = nullptr) {
    return call(__NR_rt_sigprocmask, how, word(set), word(before), signal_set_size);
}
inline long signal_fd(const uint64_t* set, int flags) {
    return call(__NR_signalfd4, -1, word(set), signal_set_size, flags);
}
/// `handler` is SIG_DFL, SIG_IGN or a function that does not return.
inline void signal_action(int signal, void (*handler)(int)) {
    // On x86-64 the kernel calls no handler without a restorer, though only those that return use
    // it.
    constexpr unsigned long has_restorer = 0x04000000;
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)();
        uint64_t mask;
    } action{handler, has_restorer, [] { exit(1); }, 0};
    call(__NR_rt_sigaction, signal, word(&action), 0, signal_set_size);
}
inline uint64_t read_clock(clockid_t clock) {
    timespec time{};
    call(__NR_clock_gettime, clock, word(&time));
    return static_cast<uint64_t>(time.tv_sec) * 1000000 +
           static_cast<uint64_t>(time.tv_nsec) / 1000;
}
/// Microseconds of the monotonic clock.
inline uint64_t now() {
    return read_clock(CLOCK_MONOTONIC);
}
/// Microseconds of processor time that this process has used.
inline uint64_t processor_time() {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
inline int nice() {
    constexpr int least = 20;  // so that the kernel's answer is not negative
    return least - static_cast<int>(call(__NR_getpriority, PRIO_PROCESS, 0));
}
inline void set_nice(int nice) {
    call(__NR_setpriority, PRIO_PROCESS, 0, nice);
}
inline long file_limit(const rlimit* set, rlimit* old) {
    return call(__NR_prlimit64, 0, RLIMIT_NOFILE, word(set), word(old));
}

}  // namespace charioteer::agent::sys
