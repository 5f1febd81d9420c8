#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "report/report.hpp"

namespace charioteer::report {

/// The outcome of a run as a JUnit report: one case for each subtest, and `main` for the rest.
///
/// A subtest that fails stays the current one: what is logged after it explains its failure.
class Junit final : public Report {
public:
    /// `file`: the report; its folder is made when it is written.
    explicit Junit(std::filesystem::path file);

    const std::filesystem::path& file() const noexcept { return file_; }

    /// To the output of the current case.
    void log(const std::string& text);
    /// To the errors of the current case, which has failed by that.
    void fail(const std::string& text);
    /// Marks the run as failed, for `reason` unless a case has failed already.
    void run_failed(const std::string& reason);

    /// Begins a subtest on the calling thread, which becomes the current case; two of one name are
    /// one case. Returns what leave_subtest() and end_subtest() take.
    std::size_t begin_subtest(const std::string& name);
    /// Counts its time, however it went.
    void leave_subtest(std::size_t number);
    /// It has passed: it is no longer current, nor are those that its thread began in it.
    void end_subtest(std::size_t number);

    /// Writes the report, unless it is finished. Throws std::system_error.
    void write();

    void take(const io::Event& event) override;
    void finish(const std::string& reason) noexcept override;

private:
    using Clock = std::chrono::steady_clock;

    /// What was logged while one subtest ran.
    struct Case {
        std::string name;
        std::vector<std::string> output;
        std::vector<std::string> errors;
        bool failed = false;
        std::chrono::duration<double> time{};
    };
    /// A subtest that has not ended well.
    struct Open {
        std::size_t number;
        std::thread::id thread;
        std::size_t in;  ///< index of its case
        Clock::time_point begin;
    };

    Case& current();
    std::string text();

    std::mutex mutex_;
    std::filesystem::path file_;
    Clock::time_point begin_ = Clock::now();
    std::vector<Case> cases_;  ///< `main` first
    std::vector<Open> open_;
    std::size_t last_number_ = 0;
    bool finished_ = false;
};

}  // namespace charioteer::report
