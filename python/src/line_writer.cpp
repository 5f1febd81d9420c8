#include "line_writer.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "io/signals_blocked.hpp"

namespace charioteer::python {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto write_limit = 2s;
/// Bytes that are queued for standard error when droppable lines are discarded.
constexpr std::size_t most_waiting = 64 << 20;
/// Bytes that a writable pipe accepts without blocking, and atomically.
constexpr std::size_t piece = 4096;
/// An incomplete line of more bytes is written.
constexpr std::size_t longest_partial_line = 64 << 10;
constexpr int slice_ms = 100;
constexpr std::string_view clear_line = "\r\x1b[K";

bool go_to_same_place() {
    struct stat output {};
    struct stat error {};
    return ::fstat(STDOUT_FILENO, &output) == 0 && ::fstat(STDERR_FILENO, &error) == 0 &&
           output.st_dev == error.st_dev && output.st_ino == error.st_ino;
}

/// The number of bytes to write at once: complete lines, unless one is longer than a piece, so that
/// no other output is written within a line.
std::size_t next_piece(std::string_view text) {
    if (text.size() <= piece) return text.size();
    auto end = text.rfind('\n', piece - 1);
    return end == text.npos ? piece : end + 1;
}

/// Writes until nothing could be written for `limit` or `stop` is set; returns the number of bytes
/// written. Throws std::system_error.
std::size_t write_some(int fd, std::string_view text, Clock::duration limit,
                       const std::atomic<bool>& stop) {
    std::size_t done = 0;
    auto give_up = Clock::now() + limit;
    while (done < text.size() && !stop && Clock::now() < give_up) {
        pollfd writable{fd, POLLOUT, 0};
        // After an interruption by a signal, the result of poll() is unknown.
        if (::poll(&writable, 1, slice_ms) <= 0) continue;
        auto rest = text.substr(done);
        auto written = ::write(fd, rest.data(), next_piece(rest));
        if (written >= 0) {
            done += static_cast<std::size_t>(written);
            give_up = Clock::now() + limit;
        } else if (errno != EAGAIN && errno != EINTR) {
            throw std::system_error(errno, std::system_category());
        }
    }
    return done;
}

}  // namespace

LineWriter::LineWriter() {
    {
        io::SignalsBlocked blocked;
        thread_ = std::make_unique<std::thread>([this] { run(); });
    }
    observe_forks();
}

LineWriter::~LineWriter() {
    ignore_forks();
    hold(false);
    flush();
    if (!thread_) return;
    {
        std::lock_guard lock(locks_->state);
        lines_.clear();
        ending_ = true;
    }
    locks_->work.notify_all();
    thread_->join();
}

void LineWriter::add(std::string_view line, bool droppable) {
    {
        std::lock_guard lock(locks_->state);
        if (droppable && lines_.size() > most_waiting) {
            ++dropped_;
            return;
        }
        if (std::exchange(progress_shown_, false)) lines_ += clear_line;
        if (dropped_ > 0)
            lines_ += fmt::format("({} serial lines left out: standard error is read too slowly)\n",
                                  std::exchange(dropped_, 0));
        lines_ += line;
        lines_ += '\n';
    }
    if (thread_) return locks_->work.notify_one();
    std::lock_guard turn(locks_->error_turn);
    drain(write_limit);
}

void LineWriter::show_progress(std::string_view text) {
    if (!thread_ || ::isatty(STDERR_FILENO) == 0) return;
    std::lock_guard lock(locks_->state);
    if (progress_shown_) lines_ += clear_line;
    progress_shown_ = !text.empty();
    lines_ += text;
    locks_->work.notify_one();
}

void LineWriter::flush() {
    std::unique_lock lock(locks_->state);
    locks_->idle.wait_for(lock, write_limit,
                          [this] { return !thread_ || held_ || (lines_.empty() && !writing_); });
}

void LineWriter::hold(bool on) {
    {
        std::lock_guard lock(locks_->state);
        held_ = on;
    }
    locks_->work.notify_all();
}

std::string LineWriter::complete_lines(std::string_view text) {
    std::lock_guard lock(locks_->state);
    auto& line = partial_[std::this_thread::get_id()];
    auto end = text.rfind('\n');
    if (end == text.npos) {
        line += text;
        return line.size() < longest_partial_line ? std::string() : std::exchange(line, {});
    }
    std::string complete = std::exchange(line, text.substr(end + 1));
    complete += text.substr(0, end + 1);
    return complete;
}

std::string LineWriter::take_partial_line() {
    std::lock_guard lock(locks_->state);
    auto found = partial_.find(std::this_thread::get_id());
    if (found == partial_.end()) return {};
    return std::move(partial_.extract(found).mapped());
}

std::string LineWriter::take_partial_lines() {
    std::lock_guard lock(locks_->state);
    std::string all;
    for (const auto& [thread, line] : std::exchange(partial_, {})) all += line;
    return all;
}

std::size_t LineWriter::print(std::string_view text) {
    if (output_unread_) return text.size();
    std::unique_lock output(locks_->output_turn, std::defer_lock);
    if (!output.try_lock_for(write_limit)) return 0;
    std::unique_lock error(locks_->error_turn, std::defer_lock);
    if (go_to_same_place()) {
        if (!error.try_lock_for(write_limit)) return 0;
        if (!held_) {
            clear_progress();
            if (!drain(write_limit)) return 0;
        }
    }
    try {
        return write_some(STDOUT_FILENO, text, write_limit, ending_);
    } catch (const std::system_error& failure) {
        if (failure.code().value() != EPIPE) throw;
        output_unread_ = true;
        return text.size();
    }
}

void LineWriter::clear_progress() {
    std::lock_guard lock(locks_->state);
    if (std::exchange(progress_shown_, false)) lines_ += clear_line;
}

std::string LineWriter::take_batch() {
    std::lock_guard lock(locks_->state);
    if (held_) return {};
    writing_ = true;
    return std::exchange(lines_, {});
}

void LineWriter::give_back(std::string_view rest) {
    std::lock_guard lock(locks_->state);
    lines_.insert(0, rest);
    writing_ = false;
    if (lines_.empty()) locks_->idle.notify_all();
}

/// Writes the queue for standard error; false when its reader did not read all of it in time. The
/// caller holds `error_turn`.
bool LineWriter::drain(Clock::duration limit) {
    auto batch = take_batch();
    std::size_t done = batch.size();
    try {
        done = write_some(STDERR_FILENO, batch, limit, ending_);
    } catch (const std::system_error&) {
        // Ignored, such as for a closed terminal: the error could not be shown.
    }
    give_back(std::string_view(batch).substr(done));
    return done == batch.size();
}

void LineWriter::run() {
    for (;;) {
        {
            std::unique_lock lock(locks_->state);
            locks_->work.wait(lock, [this] { return (!lines_.empty() && !held_) || ending_; });
            if (ending_) return;
        }
        std::lock_guard turn(locks_->error_turn);
        drain(write_limit);
    }
}

void LineWriter::before_fork() noexcept {
    locks_->state.lock();
}

void LineWriter::after_fork_in_parent() noexcept {
    locks_->state.unlock();
}

void LineWriter::after_fork_in_child() noexcept {
    // The parent writes the queue. The thread does not exist here and cannot be joined, and the
    // condition variables on which it waits cannot be destroyed: both are leaked.
    lines_.clear();
    partial_.clear();
    writing_ = progress_shown_ = held_ = false;
    [[maybe_unused]] auto* lost_locks = locks_.release();
    [[maybe_unused]] auto* lost_thread = thread_.release();
    locks_ = std::make_unique<Locks>();
}

}  // namespace charioteer::python
