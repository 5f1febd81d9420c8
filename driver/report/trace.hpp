#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "io/fork.hpp"
#include "report/record.hpp"
#include "report/report.hpp"
#include "report/trace_file.hpp"

namespace charioteer::report {

/// The events of a run as lines of JSON (docs/trace.md), for programs.
///
/// Any thread: callers only add to a queue, which a thread of its own writes within milliseconds,
/// so that the file is usable however the run ends. When the disk is too slow, records are left out
/// and counted, those of consoles first. In a forked child it does nothing.
class Trace final : public Report, io::ForkObserver {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    struct Settings {
        std::size_t limit = 32 << 20;  ///< of the file, in bytes
        std::function<TimePoint()> now = &std::chrono::steady_clock::now;
    };

    /// Creates `file`; its first record is of kind `run`, with `header`. Throws std::system_error.
    Trace(std::filesystem::path file, const Record& header, Settings settings);
    ~Trace() override;

    void add(std::string_view kind, const Record& record);
    /// Begins a span; returns the number for end_span().
    std::int64_t begin_span(const Record& record);
    /// Ends a span. No-op for one that has ended.
    void end_span(std::int64_t number, const Record& record);

    /// Adds an event of the core. `shown`: whether it is in the log.
    void observe(const io::Event& event, bool shown);
    /// Adds the result of the run; later records are ignored. Returns when it is written, or after
    /// 2 s. Returns why the trace is incomplete, or an empty string.
    std::string close(const Record& result);

    /// No-op: observe() gets all events.
    void take(const io::Event&) override {}
    void finish(const std::string& reason) noexcept override;

    void before_fork() noexcept override;
    void after_fork_in_parent() noexcept override;
    void after_fork_in_child() noexcept override;

private:
    /// Replaced in a forked child, where the thread that waits on them does not exist.
    struct Locks {
        std::mutex state;  ///< protects all data except the file, which the thread has
        std::condition_variable work;
        std::condition_variable idle;
    };

    void push(std::string_view kind, std::string_view fields);
    void run();
    bool flush(std::unique_lock<std::mutex>& lock);

    Settings settings_;
    TimePoint begin_;
    std::unique_ptr<Locks> locks_ = std::make_unique<Locks>();
    TraceFile file_;
    std::string lines_;  ///< queued
    RecordCounts lost_;  ///< not queued, since the queue was full
    std::map<std::int64_t, TimePoint> open_;
    std::int64_t last_span_ = 0;
    bool writing_ = false;
    bool urgent_ = false;  ///< a caller of flush() waits for `idle`
    bool closed_ = false;
    bool ending_ = false;
    std::unique_ptr<std::thread> thread_;  ///< none in a forked child
};

}  // namespace charioteer::report
