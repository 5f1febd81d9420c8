#pragma once

#include <pthread.h>
#include <termios.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/fork.hpp"
#include "io/unique_fd.hpp"
#include "reporter.hpp"
#include "session/session.hpp"

namespace charioteer::python {

/// Ends this process when it receives SIGTERM, or when the time limit of a run has passed. The
/// script cannot prevent that, whatever Python does meanwhile.
///
/// Python is notified by its own handler of the signal. It has 5 s to leave the script and then 15
/// s to clean up. After that a thread that does not use Python finishes reports, ends machines,
/// writes buffered output, and ends the process by the signal, within 10 s. A second signal ends
/// the time of the script at once, unless it is received within 1 s.
class Termination final : io::ForkObserver {
public:
    static Termination& instance();

    /// Installs a handler of SIGTERM, which calls the current one. To be called again after another
    /// handler was installed. On the main thread. No-op in a forked child.
    void watch();
    /// Restores the previous handler.
    void unwatch();

    /// Begins the end. Any thread; returns at once.
    void begin();
    bool begun() const noexcept { return begun_; }
    /// To be called when the script has ended and the clean-up begins.
    void script_ended() noexcept;

    /// Objects that are ended or finished then, unless they were destroyed before.
    void add(const std::shared_ptr<session::Session>& session);
    void add(const std::shared_ptr<Reporter>& reporter);
    /// A folder that is removed at the end; empty for none.
    void remove_at_end(std::string folder);

    /// Ends the process by SIGTERM or, where the kernel does not allow that, with status 128 + 15.
    /// Blocks if the thread without Python is already ending the process.
    [[noreturn]] void end_process() noexcept;

    void after_fork_in_child() noexcept override;

private:
    Termination();
    static bool is_watching() noexcept;
    static void handle(int number, siginfo_t* info, void* context);
    void call_handler_before(int number, siginfo_t* info, void* context) const;
    void start_thread();
    void run() noexcept;
    void await_python() noexcept;
    void await_wake(std::chrono::milliseconds limit) const noexcept;
    void end_without_python() noexcept;
    void close_sessions() noexcept;
    void wake() const noexcept;
    [[noreturn]] void kill_process() const noexcept;

    template <class T>
    std::vector<std::shared_ptr<T>> living(std::vector<std::weak_ptr<T>>& all);

    pid_t owner_;
    pthread_t main_thread_;
    io::UniqueFd awake_;  ///< an eventfd
    std::optional<termios> terminal_;
    struct sigaction before_ {};
    std::atomic<int> requests_ = 0;  ///< received signals, and calls of begin()
    /// The next signal is one that begin() has sent to notify Python.
    std::atomic<bool> notifying_ = false;
    /// The next signal only ends a system call of the main thread.
    std::atomic<bool> interrupting_ = false;
    std::atomic<bool> python_is_notified_ = true;  ///< Python has a handler of the signal
    std::atomic<bool> begun_ = false;
    std::atomic<bool> cleaning_ = false;
    std::mutex last_;   ///< locked, and never unlocked, by the thread that ends the process
    std::mutex mutex_;  ///< protects the members below
    std::vector<std::weak_ptr<session::Session>> sessions_;
    std::vector<std::weak_ptr<Reporter>> reporters_;
    std::string folder_;
    bool thread_started_ = false;
};

}  // namespace charioteer::python
