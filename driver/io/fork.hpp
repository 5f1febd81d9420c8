#pragma once

namespace charioteer::io {

/// Takes part in forks of this process that are not followed by an exec, as os.fork() makes: the
/// child has a copy of all objects, but only the thread that forked. Of fork() alone: spawning a
/// program does without.
class ForkObserver {
public:
    ForkObserver(const ForkObserver&) = delete;
    ForkObserver& operator=(const ForkObserver&) = delete;

    /// Called by the forking thread before and after, in the child and in the parent. They must not
    /// wait for other threads. Those before leave no lock behind that another thread of the parent
    /// holds; in the child such a lock would stay locked.
    virtual void before_fork() noexcept {}
    virtual void after_fork_in_parent() noexcept {}
    virtual void after_fork_in_child() noexcept {}

protected:
    ForkObserver() = default;
    ~ForkObserver() = default;
    /// For the end of the last constructor and the start of the first destructor. Any thread.
    void observe_forks();
    void ignore_forks() noexcept;
};

/// A descriptor that other processes take for the life of this one: in a forked child it is one of
/// /dev/null, so that the child keeps nothing alive. Does not own it: ends before it is closed.
class DriverOnly final : ForkObserver {
public:
    explicit DriverOnly(int fd) : fd_(fd) { observe_forks(); }
    ~DriverOnly() { ignore_forks(); }

    void after_fork_in_child() noexcept override;

private:
    int fd_;
};

}  // namespace charioteer::io
