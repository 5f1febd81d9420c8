#include "io/fork.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace charioteer::io {

namespace {

/// Never destroyed, because threads and forks may outlive static objects.
struct Observers {
    std::mutex mutex;
    std::vector<ForkObserver*> all;
};

Observers& observers() {
    static auto* const made = new Observers;
    return *made;
}

void before() {
    observers().mutex.lock();
    for (auto* each : observers().all) each->before_fork();
}

void in_parent() {
    for (auto* each : observers().all) each->after_fork_in_parent();
    observers().mutex.unlock();
}

void in_child() {
    for (auto* each : observers().all) each->after_fork_in_child();
    observers().mutex.unlock();
}

}  // namespace

void ForkObserver::observe_forks() {
    [[maybe_unused]] static const int once = ::pthread_atfork(&before, &in_parent, &in_child);
    std::lock_guard lock(observers().mutex);
    observers().all.push_back(this);
}

void ForkObserver::ignore_forks() noexcept {
    std::lock_guard lock(observers().mutex);
    std::erase(observers().all, this);
}

void DriverOnly::after_fork_in_child() noexcept {
    int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return;
    // Keeps the descriptor number in use, because its owner may also close it in the child.
    ::dup3(null, fd_, O_CLOEXEC);
    ::close(null);
}

}  // namespace charioteer::io
