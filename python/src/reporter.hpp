#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "io/event.hpp"

namespace charioteer::python {

/// Takes what the core and the test tell: writes it to standard error from a thread of its own, in
/// the terminal format of the driver contract, section 1.8, and keeps events for other loggers.
/// Thread-safe; never takes the interpreter lock.
class Reporter {
public:
    /// `terminal`: write to standard error; `queue`: keep events for drain().
    Reporter(bool terminal, bool queue);
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;
    /// Writes what is left, as flush() does, and gives up the rest.
    ~Reporter();

    std::atomic<bool> terminal;
    std::atomic<bool> queue;
    std::atomic<bool> serial = true;    ///< whether serial lines are told at all
    std::atomic<bool> warnings = true;  ///< whether warnings of the core are written

    void take(const io::Event& event);
    /// The kept events, oldest first. At most 100,000 are kept; the oldest serial lines go first.
    std::vector<io::Event> drain();
    /// One line as it is.
    void write(std::string text);
    /// Returns when everything is written, or after 2 s when nobody reads standard error; at once
    /// while lines are held.
    void flush();
    /// Whether lines are kept back, for as long as somebody else has the terminal.
    void hold(bool on);
    bool held() const noexcept { return held_; }

private:
    void show_progress(const io::Event& event);
    void keep(const io::Event& event);
    void enqueue(std::string line, bool droppable);
    void write_all(std::string_view text);
    void run();

    std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable idle_;
    std::string lines_;        ///< to be written
    std::size_t dropped_ = 0;  ///< serial lines, since the last time that this was told
    bool writing_ = false;
    bool progress_shown_ = false;  ///< the last line is to be written over
    std::atomic<bool> held_ = false;
    std::atomic<bool> ending_ = false;
    std::deque<io::Event> events_;
    std::thread writer_;
};

}  // namespace charioteer::python
