#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "report/report.hpp"

namespace charioteer::report {

/// The messages during one subtest, or during the rest of a run.
struct JunitCase {
    std::string name;
    std::vector<std::string> output;
    std::vector<std::string> errors;
    bool failed = false;
    std::chrono::duration<double> time{};
    std::string explanation{};  ///< why it has failed, if that is known
};

/// The report with `cases`, of which the first is `main`, whose time is that of the run.
std::string junit_text(const std::vector<JunitCase>& cases);

/// The result of a run as a JUnit report: one case for each subtest, and `main` for the rest.
///
/// A failed subtest stays the current case, because later messages explain its failure.
class Junit final : public Report {
public:
    /// `file` is the path of the report; its folder is created by write().
    explicit Junit(std::filesystem::path file);

    const std::filesystem::path& file() const noexcept { return file_; }

    /// Appends to the output of the current case.
    void log(const std::string& text);
    /// Appends to the errors of the current case and marks it as failed.
    void fail(const std::string& text);
    /// Marks the current case as failed, with the reason as the text of its failure.
    void explain(const std::string& reason);
    /// Marks the run as failed for `reason`, unless a case has failed already.
    void run_failed(const std::string& reason);

    /// Begins a subtest on the calling thread, which becomes the current case; subtests of one name
    /// are one case. Returns the number for leave_subtest() and end_subtest().
    std::size_t begin_subtest(const std::string& name);
    /// Adds its time, whether it has passed or failed.
    void leave_subtest(std::size_t number);
    /// Ends a subtest that has passed, and inner subtests of its thread: they are not current any
    /// more.
    void end_subtest(std::size_t number);

    /// Writes the report, unless finish() was called. Throws std::system_error.
    void write();

    void take(const io::Event& event) override;
    void finish(const std::string& reason) noexcept override;

private:
    using Clock = std::chrono::steady_clock;

    /// A subtest that has not passed (yet).
    struct Open {
        std::size_t number;
        std::thread::id thread;
        std::size_t in;  ///< the index of its case
        Clock::time_point begin;
    };

    JunitCase& current();

    std::mutex mutex_;
    std::filesystem::path file_;
    Clock::time_point begin_ = Clock::now();
    std::vector<JunitCase> cases_;  ///< `main` first
    std::vector<Open> open_;
    std::size_t last_number_ = 0;
    bool finished_ = false;
};

}  // namespace charioteer::report
