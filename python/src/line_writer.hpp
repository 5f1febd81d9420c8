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

/// Writes complete lines to the standard streams: to standard error on its own thread, so that no
/// caller waits for the reader; to standard output at once. If both are the same file, everything
/// is written in the order of the calls. Thread-safe; never acquires the interpreter lock.
///
/// In a forked child, which does not have the thread, everything is written at once.
class LineWriter final : io::ForkObserver {
public:
    LineWriter();
    /// Writes queued lines, as flush() does, and discards those that cannot be written in time.
    ~LineWriter();

    /// Queues a line for standard error, without its line end. A `droppable` one is discarded and
    /// counted when the reader is far behind.
    void add(std::string_view line, bool droppable);
    /// Shows a line on standard error that the next line replaces; an empty one removes it.
    void show_progress(std::string_view text);
    /// Returns when everything is written, or after 2 s; at once while lines are held.
    void flush();
    /// Sets whether lines are only queued, while another program uses the terminal.
    void hold(bool on);
    bool held() const noexcept { return held_; }

    /// Adds to the calling thread's line of standard output; returns the lines that are complete,
    /// for print().
    std::string complete_lines(std::string_view text);
    /// Removes and returns the incomplete line of the calling thread, for print().
    std::string take_partial_line();
    /// The same for all threads.
    std::string take_partial_lines();
    /// Writes to standard output; returns the number of bytes written, fewer than given if the
    /// reader has read nothing for 2 s. Once the reader has closed it, output is discarded
    /// (output_unread()). Throws std::system_error.
    std::size_t print(std::string_view text);
    bool output_unread() const noexcept { return output_unread_; }

    void before_fork() noexcept override;
    void after_fork_in_parent() noexcept override;
    void after_fork_in_child() noexcept override;

private:
    /// Replaced in a forked child, because other threads of the parent may hold them.
    struct Locks {
        std::mutex state;  ///< protects all data
        std::condition_variable work;
        std::condition_variable idle;
        std::timed_mutex error_turn;   ///< held by the thread that writes to standard error
        std::timed_mutex output_turn;  ///< the same for standard output
    };

    void run();
    bool drain(std::chrono::steady_clock::duration limit);
    void clear_progress();
    std::string take_batch();
    void give_back(std::string_view rest);

    std::unique_ptr<Locks> locks_ = std::make_unique<Locks>();
    std::string lines_;        ///< queued for standard error
    std::size_t dropped_ = 0;  ///< lines, since their number was last written
    bool writing_ = false;
    bool progress_shown_ = false;
    std::map<std::thread::id, std::string> partial_;
    std::atomic<bool> held_ = false;
    std::atomic<bool> ending_ = false;
    std::atomic<bool> output_unread_ = false;
    std::unique_ptr<std::thread> thread_;  ///< none in a forked child
};

}  // namespace charioteer::python
