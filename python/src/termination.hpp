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

/// The end of this process by SIGTERM, be it that the signal came or that the time limit of a run
/// struck. It cannot be prevented by the script, whatever Python does meanwhile.
///
/// Python learns of it by its own handler of the signal, and has 5 s to leave the script and then
/// 15 s to clean up. When these are over a thread that needs no Python finishes reports, ends
/// machines, writes what is buffered, and has the process die by the signal within 10 s. A second
/// signal ends the script's time at once, unless it comes within 1 s.
class Termination final : io::ForkObserver {
public:
    static Termination& instance();

    /// Takes SIGTERM over from the handler of now, which is called by ours; again after another
    /// handler was installed. For the main thread. Nothing in a forked child.
    void watch();
    /// Gives the signal back to the handler that is called by ours.
    void unwatch();

    /// Begins the end. Any thread; returns at once.
    void begin();
    bool begun() const noexcept { return begun_; }
    /// The script has ended, and what follows is the clean-up.
    void script_ended() noexcept;

    /// What the end is about. Both may be gone by then.
    void add(const std::shared_ptr<session::Session>& session);
    void add(const std::shared_ptr<Reporter>& reporter);
    /// A folder that is removed in the end; empty: none.
    void remove_in_the_end(std::string folder);

    /// The process dies by SIGTERM; 128 + 15 is its status where the kernel does not let it. When
    /// it is ended by force already, that goes on instead.
    [[noreturn]] void die() noexcept;

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
    std::atomic<int> own_signals_ = 0;          ///< sent by begin(), for Python alone
    std::atomic<int> requests_ = 0;             ///< signals that came, and calls of begin()
    std::atomic<bool> python_is_asked_ = true;  ///< it has a handler of the signal
    std::atomic<bool> begun_ = false;
    std::atomic<bool> cleaning_ = false;
    std::mutex last_;   ///< locked, for good, by the thread that ends the process
    std::mutex mutex_;  ///< of what follows
    std::vector<std::weak_ptr<session::Session>> sessions_;
    std::vector<std::weak_ptr<Reporter>> reporters_;
    std::string folder_;
    bool thread_started_ = false;
};

}  // namespace charioteer::python
