#include "line_writer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "io/signals_blocked.hpp"
#include "terminal_io.hpp"

namespace charioteer::python {

namespace {

using namespace std::chrono_literals;

constexpr auto write_limit = 2s;
/// Bytes that are queued for standard error when droppable lines are discarded.
constexpr std::size_t most_waiting = 64 << 20;

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
    show({});
    try {
        capture(false);
    } catch (const std::system_error&) {
        // The standard streams stay a pipe, and the process ends.
    }
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
    if (!capture_thread_) return;
    capture_->stop_waiting();
    capture_thread_->join();
}

void LineWriter::add(std::string_view line, bool droppable) {
    if (captures_) collect_captured();
    {
        std::lock_guard lock(locks_->state);
        if (droppable && lines_.size() > most_waiting) {
            ++dropped_;
            return;
        }
        if (dropped_ > 0)
            lines_ += fmt::format("({} serial lines left out: standard error is read too slowly)\n",
                                  std::exchange(dropped_, 0));
        lines_ += line;
        lines_ += '\n';
    }
    if (thread_) return locks_->work.notify_one();
    std::lock_guard turn(locks_->error_turn);
    drain();
}

void LineWriter::show(std::vector<std::string> lines) {
    std::lock_guard lock(locks_->state);
    if (!thread_ || ::isatty(terminal()) == 0) return;
    // The area would be drawn over an incomplete line that is on the terminal already.
    if (end_.is_open()) lines.clear();
    area_.set_lines(std::move(lines));
    locks_->work.notify_one();
}

bool LineWriter::is_idle() const {
    return lines_.empty() && unwritten_.empty() && !area_.is_changed();
}

bool LineWriter::has_work() const {
    return !held_ && !is_idle();
}

void LineWriter::flush() {
    std::unique_lock lock(locks_->state);
    locks_->idle.wait_for(lock, write_limit,
                          [this] { return !thread_ || held_ || (is_idle() && !writing_); });
}

void LineWriter::flush_for_program() {
    flush();
    std::lock_guard lock(locks_->state);
    end_.forget();
}

void LineWriter::hold(bool on) {
    {
        std::lock_guard lock(locks_->state);
        held_ = on;
    }
    locks_->work.notify_all();
}

std::string LineWriter::complete_lines(Stream stream, std::string_view text) {
    std::lock_guard lock(locks_->state);
    auto thread = std::this_thread::get_id();
    auto complete = partial_.complete(thread, stream, text);
    if (!complete.empty() && open_ == std::pair(thread, stream)) {
        open_.reset();
        area_.set_open_line({});
    }
    return complete;
}

std::string LineWriter::take_partial_line(Stream stream) {
    auto thread = std::this_thread::get_id();
    std::lock_guard lock(locks_->state);
    if (!is_captured(stream)) return partial_.take(thread, stream);
    auto line = partial_.of(thread, stream);
    if (line.empty()) return {};
    open_ = std::pair(thread, stream);
    area_.set_open_line(shown(line));
    locks_->work.notify_one();
    return {};
}

std::string LineWriter::take_partial_lines(Stream stream) {
    std::lock_guard lock(locks_->state);
    if (is_captured(stream)) area_.set_open_line({});
    return partial_.take_all(stream);
}

std::size_t LineWriter::print(Stream stream, std::string_view text) {
    if (text.empty()) return 0;
    if (is_captured(stream)) return print_captured(text);
    if (stream == Stream::error) {
        std::unique_lock error(locks_->error_turn, std::defer_lock);
        return error.try_lock_for(write_limit) ? print_directly(STDERR_FILENO, text, true) : 0;
    }
    if (output_unread_) return text.size();
    std::unique_lock output(locks_->output_turn, std::defer_lock);
    if (!output.try_lock_for(write_limit)) return 0;
    std::unique_lock error(locks_->error_turn, std::defer_lock);
    bool shares_file = go_to_same_place();
    if (shares_file && !error.try_lock_for(write_limit)) return 0;
    try {
        return print_directly(STDOUT_FILENO, text, shares_file);
    } catch (const std::system_error& failure) {
        if (failure.code().value() != EPIPE) throw;
        output_unread_ = true;
        return text.size();
    }
}

/// `shares_file`: the log is written to the same file; the caller holds `error_turn`.
std::size_t LineWriter::print_directly(int fd, std::string_view text, bool shares_file) {
    if (!shares_file) return write(fd, text);
    auto thread = std::this_thread::get_id();
    std::unique_lock lock(locks_->state);
    area_.set_lines({});
    lock.unlock();
    if (!held_ && !drain()) return 0;
    lock.lock();
    bool ends_line = end_.is_open_by_other(thread);
    lock.unlock();
    if (ends_line && write(fd, "\n") == 0) return 0;
    lock.lock();
    if (ends_line) end_.end_line();
    auto left_out = end_.left_out(thread, text);
    lock.unlock();
    auto done = left_out + write(fd, text.substr(left_out));
    lock.lock();
    end_.written(thread, text.substr(left_out, done - left_out));
    return done;
}

std::size_t LineWriter::write(int fd, std::string_view text) const {
    return write_some(fd, text, write_limit, ending_);
}

int LineWriter::terminal() const {
    return captures_ ? capture_->terminal() : STDERR_FILENO;
}

std::string LineWriter::take_batch() {
    std::lock_guard lock(locks_->state);
    if (!has_work()) return {};
    writing_ = true;
    if (!unwritten_.empty()) return std::exchange(unwritten_, {});
    auto lines = std::exchange(lines_, {});
    if (!lines.empty() && end_.is_open()) {
        end_.end_line();
        lines.insert(0, 1, '\n');
    }
    return area_.below(lines, rows_of(terminal()));
}

void LineWriter::give_back(std::string rest) {
    std::lock_guard lock(locks_->state);
    unwritten_ = std::move(rest);
    writing_ = false;
    if (is_idle()) locks_->idle.notify_all();
}

/// Writes the queue for standard error; false when its reader did not read all of it in time. The
/// caller holds `error_turn`.
bool LineWriter::drain() {
    for (auto batch = take_batch(); !batch.empty(); batch = take_batch()) {
        std::size_t done = batch.size();
        try {
            done = write(terminal(), batch);
        } catch (const std::system_error&) {
            // Ignored, such as for a closed terminal: the error could not be shown.
        }
        give_back(batch.substr(done));
        if (done < batch.size()) return false;
    }
    return true;
}

void LineWriter::run() {
    for (;;) {
        {
            std::unique_lock lock(locks_->state);
            locks_->work.wait(lock, [this] { return has_work() || ending_; });
            if (ending_) return;
        }
        std::lock_guard turn(locks_->error_turn);
        drain();
    }
}

// Captured output

bool LineWriter::is_captured(Stream stream) const {
    return captures_ && (stream == Stream::error || capture_->has_output());
}

void LineWriter::capture(bool on) {
    if (on == captures_ || (on && !thread_)) return;
    flush();
    std::lock_guard turn(locks_->error_turn);
    on ? begin_capture() : end_capture();
}

void LineWriter::begin_capture() {
    if (!capture_) {
        capture_ = std::make_unique<OutputCapture>(go_to_same_place());
        io::SignalsBlocked blocked;
        capture_thread_ = std::make_unique<std::thread>([this] {
            while (capture_->wait()) collect_captured();
        });
    }
    capture_->redirect(true);
    std::lock_guard lock(locks_->state);
    end_.forget();
    captures_ = true;
}

void LineWriter::end_capture() {
    capture_->redirect(false);
    collect_captured();
    {
        std::lock_guard reading(locks_->captured);
        if (!captured_.rest().empty()) captured_.feed("\n");
        queue_lines(captured_);
    }
    {
        std::lock_guard lock(locks_->state);
        captures_ = false;
        area_.set_lines({});
        area_.set_open_line({});
    }
    drain();
    write_open_line();
}

/// Writes the incomplete line that the area has shown, for example a prompt for input.
void LineWriter::write_open_line() {
    std::string line;
    {
        std::lock_guard lock(locks_->state);
        if (!open_) return;
        auto [thread, stream] = *std::exchange(open_, std::nullopt);
        line = shown(partial_.take(thread, stream));
        end_.written(thread, line);
    }
    try {
        write(STDERR_FILENO, line);
    } catch (const std::system_error&) {
        // Ignored, as in drain().
    }
}

/// Queues what was captured so far.
void LineWriter::collect_captured() {
    std::lock_guard reading(locks_->captured);
    captured_.feed(capture_->read());
    queue_lines(captured_);
}

/// Queues the complete lines of captured output.
void LineWriter::queue_lines(io::LineSplitter& lines) {
    std::lock_guard lock(locks_->state);
    auto before = lines_.size();
    while (auto line = lines.next()) lines_ += shown(*line) + '\n';
    if (lines_.size() > before) locks_->work.notify_one();
}

std::size_t LineWriter::print_captured(std::string_view text) {
    collect_captured();
    io::LineSplitter lines;
    lines.feed(text);
    if (!text.ends_with('\n')) lines.feed("\n");
    queue_lines(lines);
    std::unique_lock turn(locks_->error_turn, std::defer_lock);
    if (turn.try_lock_for(write_limit)) drain();
    return text.size();
}

void LineWriter::before_fork() noexcept {
    locks_->state.lock();
}

void LineWriter::after_fork_in_parent() noexcept {
    locks_->state.unlock();
}

void LineWriter::after_fork_in_child() noexcept {
    // The parent writes the queue. The threads do not exist here and cannot be joined, and the
    // condition variables on which they wait cannot be destroyed: all are leaked.
    lines_.clear();
    unwritten_.clear();
    partial_.clear();
    area_ = {};
    end_.forget();
    open_.reset();
    writing_ = held_ = captures_ = false;
    // What a child writes goes through the parent's pipe, by complete lines.
    if (capture_) capture_->leave();
    [[maybe_unused]] auto* lost_capture = capture_.release();
    [[maybe_unused]] auto* lost_locks = locks_.release();
    [[maybe_unused]] auto* lost_thread = thread_.release();
    [[maybe_unused]] auto* lost_capture_thread = capture_thread_.release();
    locks_ = std::make_unique<Locks>();
}

}  // namespace charioteer::python
