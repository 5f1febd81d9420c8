#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "io/fork.hpp"
#include "io/line_splitter.hpp"
#include "live_area.hpp"
#include "output_capture.hpp"
#include "partial_lines.hpp"

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
    /// Shows lines below the last one of standard error, until others replace them. Each has to
    /// fit into a row. No-op unless standard error is a terminal.
    void show(std::vector<std::string> lines);
    /// Returns when everything is written, or after 2 s; at once while lines are held.
    void flush();
    /// As flush(), before another program writes to the same files.
    void flush_for_program();
    /// Sets whether lines are only queued, while another program uses the terminal.
    void hold(bool on);
    bool held() const noexcept { return held_; }

    /// Sets whether the standard streams that are the terminal of standard error are captured:
    /// whatever this process and programs that it starts write there comes, by complete lines,
    /// in order with the log. Control characters in it are escaped, except for colours.
    /// Throws std::system_error. Not within a forked child.
    void capture(bool on);

    /// Adds to the calling thread's line; returns the lines that are complete, for print().
    std::string complete_lines(Stream stream, std::string_view text);
    /// Removes and returns the incomplete line of the calling thread, for print(). A captured one
    /// is only shown, and nothing is returned.
    std::string take_partial_line(Stream stream);
    /// Removes and returns the incomplete lines of all threads, for print().
    std::string take_partial_lines(Stream stream);
    /// Writes to a standard stream; returns the number of bytes written, fewer than given if the
    /// reader has read nothing for 2 s. Once the reader of standard output has closed it, output
    /// is discarded (output_unread()). Throws std::system_error.
    std::size_t print(Stream stream, std::string_view text);
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
        std::mutex captured;           ///< for reading what was captured
        std::timed_mutex error_turn;   ///< held by the thread that writes to standard error
        std::timed_mutex output_turn;  ///< the same for standard output
    };
    bool has_work() const;
    bool is_idle() const;
    void run();
    bool drain();
    std::string take_batch();
    void give_back(std::string rest);
    std::size_t write(int fd, std::string_view text) const;
    int terminal() const;

    bool is_captured(Stream stream) const;
    void begin_capture();
    void end_capture();
    void collect_captured();
    void queue_lines(io::LineSplitter& lines);
    void write_open_line();
    std::size_t print_captured(std::string_view text);
    std::size_t print_directly(int fd, std::string_view text, bool shares_file);

    std::unique_ptr<Locks> locks_ = std::make_unique<Locks>();
    std::string lines_;        ///< queued for standard error
    std::string unwritten_;    ///< what could not be written in time; comes before `lines_`
    std::size_t dropped_ = 0;  ///< lines, since their number was last written
    bool writing_ = false;
    LiveArea area_;
    PartialLines partial_;
    FileEnd end_;  ///< of the file of standard error
    std::unique_ptr<OutputCapture> capture_;
    io::LineSplitter captured_{64 << 10};  ///< protected by `captured`
    /// The thread and stream of the incomplete line that the area shows.
    std::optional<std::pair<std::thread::id, Stream>> open_;
    std::atomic<bool> captures_ = false;
    std::atomic<bool> held_ = false;
    std::atomic<bool> ending_ = false;
    std::atomic<bool> output_unread_ = false;
    std::unique_ptr<std::thread> thread_;          ///< none in a forked child
    std::unique_ptr<std::thread> capture_thread_;  ///< the same
};

}  // namespace charioteer::python
