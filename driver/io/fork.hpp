#pragma once

namespace charioteer::io {

/// Observes forks of this process that are not followed by exec, such as os.fork(): the child has
/// copies of all objects, but only the forking thread. Spawning a program does not call it.
class ForkObserver {
public:
    ForkObserver(const ForkObserver&) = delete;
    ForkObserver& operator=(const ForkObserver&) = delete;

    /// Called by the forking thread before the fork, and after it in the parent and in the child.
    /// They must not wait for other threads. before_fork() must make sure that no other thread
    /// holds a lock that the child needs; it would stay locked in the child.
    virtual void before_fork() noexcept {}
    virtual void after_fork_in_parent() noexcept {}
    virtual void after_fork_in_child() noexcept {}

protected:
    ForkObserver() = default;
    ~ForkObserver() = default;
    /// To be called at the end of the most derived constructor and at the begin of its destructor.
    /// Any thread.
    void observe_forks();
    void ignore_forks() noexcept;
};

/// Marks a descriptor whose end shows other processes the end of this one: a forked child replaces
/// it by /dev/null, so that it does not keep the descriptor open. Not the owner: must be destroyed
/// before the descriptor is closed.
class DriverOnly final : ForkObserver {
public:
    explicit DriverOnly(int fd) : fd_(fd) { observe_forks(); }
    ~DriverOnly() { ignore_forks(); }

    void after_fork_in_child() noexcept override;

private:
    int fd_;
};

}  // namespace charioteer::io
