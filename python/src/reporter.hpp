#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/event.hpp"
#include "io/fork.hpp"
#include "line_writer.hpp"
#include "report/report.hpp"
#include "report/trace.hpp"

namespace charioteer::python {

/// The kind of a line of the log: a message, the head of a step, a message for debugging, a line of
/// a test's error, a line of a serial console.
enum class LineStyle { log, step, debug, error, serial };

/// A line in the terminal format of the driver contract, section 1.8.
/// `machine`, if any, is the prefix.
std::string format_line(LineStyle style, std::string_view text,
                        std::optional<std::string_view> machine);

/// Writes the messages of the core and of the test to standard error, in the terminal format of the
/// driver contract, section 1.8, and keeps events for other loggers. Thread-safe; never acquires
/// the interpreter lock. In a forked child it keeps nothing and has no reports.
class Reporter final : io::ForkObserver {
public:
    /// `terminal`: write to standard error; `queue`: keep events for drain().
    Reporter(bool terminal, bool queue);
    ~Reporter();

    std::atomic<bool> terminal;
    std::atomic<bool> queue;
    std::atomic<bool> serial = true;    ///< whether serial lines are logged at all
    std::atomic<bool> warnings = true;  ///< whether warnings of the core are written
    /// Whether a live view shows what happens: messages, progress and changes of state are kept
    /// for it, and of the core only serial lines are written.
    std::atomic<bool> viewed = false;
    std::atomic<bool> consoles = true;  ///< whether serial lines are written to standard error

    void take(const io::Event& event);
    /// The kept events, oldest first. At most 100,000 are kept; the oldest serial lines are
    /// discarded first.
    std::vector<io::Event> drain();
    /// Writes one line unchanged.
    void write(const std::string& text);
    LineWriter& writer() noexcept { return writer_; }

    /// Adds a report that finish_reports() finishes if the process ends without Python.
    void add_report(std::shared_ptr<report::Report> report);
    /// Passes all further events to `trace` at once, also those that are not logged; it is a
    /// report, too.
    void trace_to(std::shared_ptr<report::Trace> trace);
    /// Ends the live view, and writes what is queued or incomplete, in 2 s each at most.
    void finish_output();
    /// Adds the kept events to all reports and finishes them as those of a failed run.
    void finish_reports(const std::string& reason);

    void before_fork() noexcept override;
    void after_fork_in_parent() noexcept override;
    void after_fork_in_child() noexcept override;

private:
    void take_progress(const io::Event& event);
    void keep(const io::Event& event);
    std::shared_ptr<report::Trace> trace();

    std::mutex mutex_;
    std::deque<io::Event> events_;
    std::vector<std::shared_ptr<report::Report>> reports_;
    std::shared_ptr<report::Trace> trace_;
    LineWriter writer_;
};

}  // namespace charioteer::python
