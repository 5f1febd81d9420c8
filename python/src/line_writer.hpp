#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "io/fork.hpp"

namespace charioteer::python {

/// Writes to the standard streams, whole lines at a time: to standard error from a thread of its
/// own, so that no caller waits for its reader; to standard output at once. Where both go to the
/// same place, everything is written in the order in which it was given. Thread-safe; never takes
/// the interpreter lock.
///
/// In a forked child, which lacks the thread, everything is written at once.
class LineWriter final : io::ForkObserver {
public:
    LineWriter();
    /// Writes what is left, as flush() does, and drops the rest.
    ~LineWriter();

    /// A line for standard error, without its end. One that is `droppable` is left out and counted
    /// when the reader is far behind.
    void add(std::string_view line, bool droppable);
    /// A line for standard error that the next one takes the place of; empty: none any more.
    void show_progress(std::string_view text);
    /// Returns when all is written, or after 2 s; at once while lines are held.
    void flush();
    /// Whether lines are kept back, for as long as something else has the terminal.
    void hold(bool on);
    bool held() const noexcept { return held_; }

    /// Adds to the calling thread's line of standard output; returns what is complete by that,
    /// which is for print().
    std::string complete_lines(std::string_view text);
    /// What the calling thread has of a line, which is not complete; for print().
    std::string take_partial_line();
    /// The same of all threads.
    std::string take_partial_lines();
    /// Writes to standard output; returns how much of it, which is less than all when nothing
    /// moved for 2 s. Once its reader has gone, output is dropped (output_unread()). Throws
    /// std::system_error.
    std::size_t print(std::string_view text);
    bool output_unread() const noexcept { return output_unread_; }

    void before_fork() noexcept override;
    void after_fork_in_parent() noexcept override;
    void after_fork_in_child() noexcept override;

private:
    /// What a forked child cannot use as it is: other threads may have been in there.
    struct Locks {
        std::mutex state;  ///< guards all data
        std::condition_variable work;
        std::condition_variable idle;
        std::timed_mutex error_turn;   ///< held by the thread that writes to standard error
        std::timed_mutex output_turn;  ///< the same of standard output
    };

    void run();
    bool drain(std::chrono::steady_clock::duration limit);
    void clear_progress();
    std::string take_batch();
    void give_back(std::string_view rest);

    std::unique_ptr<Locks> locks_ = std::make_unique<Locks>();
    std::string lines_;        ///< to be written to standard error
    std::size_t dropped_ = 0;  ///< lines, since the last time that this was written
    bool writing_ = false;
    bool progress_shown_ = false;
    std::map<std::thread::id, std::string> partial_;
    std::atomic<bool> held_ = false;
    std::atomic<bool> ending_ = false;
    std::atomic<bool> output_unread_ = false;
    std::unique_ptr<std::thread> thread_;  ///< none in a forked child
};

}  // namespace charioteer::python
