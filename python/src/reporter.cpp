#include "reporter.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

#include "io/printable.hpp"

namespace charioteer::python {

namespace {

using namespace std::chrono_literals;

constexpr auto flush_limit = 2s;
constexpr std::size_t most_events = 100'000;
/// When the reader of standard error is this far behind, serial lines are left out and counted.
constexpr std::size_t most_waiting = 64 << 20;
/// A pipe that is ready takes this much without blocking.
constexpr std::size_t piece = 4096;
constexpr int slice_ms = 100;
constexpr std::string_view clear_line = "\r\x1b[K";

std::string format(const io::Event& event) {
    if (event.kind == io::EventKind::serial)
        return fmt::format("\x1b[2m{} # {}\x1b[0m", event.machine,
                           io::printable(event.text, io::Colours::keep));
    std::string_view label = event.kind == io::EventKind::warning ? "warning: " : "";
    if (event.machine.empty()) return fmt::format("{}{}", label, event.text);
    return fmt::format("{}: {}{}", event.machine, label, event.text);
}

}  // namespace

Reporter::Reporter(bool to_terminal, bool to_queue)
    : terminal(to_terminal), queue(to_queue), writer_([this] { run(); }) {}

Reporter::~Reporter() {
    hold(false);
    flush();
    {
        std::lock_guard lock(mutex_);
        lines_.clear();
        ending_ = true;
    }
    work_.notify_all();
    writer_.join();
}

void Reporter::take(const io::Event& event) {
    if (event.kind == io::EventKind::progress) return show_progress(event);
    bool is_serial = event.kind == io::EventKind::serial;
    if (is_serial && !serial) return;
    if (event.kind == io::EventKind::warning && !warnings) return;
    if (queue) keep(event);
    if (terminal) enqueue(format(event), is_serial);
}

/// One line that the next one takes the place of. Nobody but a terminal gets it.
void Reporter::show_progress(const io::Event& event) {
    if (!terminal || ::isatty(STDERR_FILENO) == 0) return;
    std::lock_guard lock(mutex_);
    if (progress_shown_) lines_ += clear_line;
    progress_shown_ = !event.text.empty();
    if (progress_shown_)
        lines_ +=
            fmt::format("{}: {}", event.machine, io::printable(event.text, io::Colours::drop));
    work_.notify_one();
}

void Reporter::keep(const io::Event& event) {
    std::lock_guard lock(mutex_);
    if (events_.size() >= most_events) {
        auto serial_line = [](const io::Event& kept) { return kept.kind == io::EventKind::serial; };
        auto oldest = std::find_if(events_.begin(), events_.end(), serial_line);
        events_.erase(oldest == events_.end() ? events_.begin() : oldest);
    }
    events_.push_back(event);
}

std::vector<io::Event> Reporter::drain() {
    std::lock_guard lock(mutex_);
    std::vector<io::Event> all(std::move_iterator(events_.begin()),
                               std::move_iterator(events_.end()));
    events_.clear();
    return all;
}

void Reporter::write(std::string text) {
    if (terminal) enqueue(std::move(text), false);
}

void Reporter::enqueue(std::string line, bool droppable) {
    {
        std::lock_guard lock(mutex_);
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
    work_.notify_one();
}

void Reporter::flush() {
    std::unique_lock lock(mutex_);
    idle_.wait_for(lock, flush_limit, [this] { return held_ || (lines_.empty() && !writing_); });
}

void Reporter::hold(bool on) {
    {
        std::lock_guard lock(mutex_);
        held_ = on;
    }
    work_.notify_all();
}

void Reporter::write_all(std::string_view text) {
    while (!text.empty() && !ending_) {
        pollfd writable{STDERR_FILENO, POLLOUT, 0};
        if (::poll(&writable, 1, slice_ms) == 0) continue;
        auto written = ::write(STDERR_FILENO, text.data(), std::min(text.size(), piece));
        if (written >= 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EAGAIN && errno != EINTR)
            return;  // as of a closed terminal: there is nobody to tell
    }
}

void Reporter::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        work_.wait(lock, [this] { return (!lines_.empty() && !held_) || ending_; });
        if (lines_.empty()) return;
        auto batch = std::exchange(lines_, {});
        writing_ = true;
        lock.unlock();
        write_all(batch);
        lock.lock();
        writing_ = false;
        if (lines_.empty()) idle_.notify_all();
    }
}

}  // namespace charioteer::python
