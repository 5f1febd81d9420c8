#include "reporter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "io/printable.hpp"

namespace charioteer::python {

namespace {

constexpr std::size_t most_events = 100'000;

constexpr std::string_view bold_green = "\x1b[1m\x1b[32m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view dim = "\x1b[2m";
constexpr std::string_view reset = "\x1b[0m";

std::string format(const io::Event& event) {
    if (event.kind == io::EventKind::serial)
        return format_line(LineStyle::serial, io::printable(event.text, io::Colours::keep),
                           event.machine);
    std::optional<std::string_view> machine;
    if (!event.machine.empty()) machine = event.machine;
    std::string_view label = event.kind == io::EventKind::warning ? "warning: " : "";
    return format_line(LineStyle::log, fmt::format("{}{}", label, event.text), machine);
}

}  // namespace

std::string format_line(LineStyle style, std::string_view text,
                        std::optional<std::string_view> machine) {
    auto about = machine ? fmt::format("{}: ", *machine) : std::string();
    switch (style) {
        case LineStyle::serial:
            return fmt::format("{}{} # {}{}", dim, machine.value_or(""), text, reset);
        case LineStyle::step:
            return fmt::format("{}{}{}{}", about, bold_green, text, reset);
        case LineStyle::debug:
            return fmt::format("{}{}{}{}", dim, about, text, reset);
        case LineStyle::error:
            return fmt::format("{}!!! {}{}{}", red, reset, about, text);
        case LineStyle::log:
            break;
    }
    return about.append(text);
}

Reporter::Reporter(bool to_terminal, bool to_queue) : terminal(to_terminal), queue(to_queue) {
    observe_forks();
}

Reporter::~Reporter() {
    ignore_forks();
}

void Reporter::take(const io::Event& event) {
    if (event.kind == io::EventKind::progress) return take_progress(event);
    bool is_state = event.kind == io::EventKind::state;
    bool is_serial = event.kind == io::EventKind::serial;
    bool is_shown =
        is_serial ? serial.load() : event.kind != io::EventKind::warning || warnings.load();
    if (auto to = trace()) to->observe(event, is_shown);
    if (event.kind == io::EventKind::traffic) return;
    bool is_for_view = viewed && !is_serial;
    if (is_state ? is_for_view : is_shown && (queue || is_for_view)) keep(event);
    bool is_written = is_serial ? consoles.load() : !viewed && !is_state;
    if (terminal && is_shown && is_written) writer_.add(format(event), is_serial);
}

void Reporter::take_progress(const io::Event& event) {
    if (viewed) return keep(event);
    if (!terminal) return;
    auto text = io::printable(event.text, io::Colours::drop);
    if (text.empty()) return writer_.show({});
    writer_.show({fmt::format("{}: {}", event.machine, text)});
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

void Reporter::write(const std::string& text) {
    if (terminal) writer_.add(text, false);
}

void Reporter::add_report(std::shared_ptr<report::Report> report) {
    std::lock_guard lock(mutex_);
    reports_.push_back(std::move(report));
}

void Reporter::trace_to(std::shared_ptr<report::Trace> trace) {
    std::lock_guard lock(mutex_);
    reports_.push_back(trace);
    trace_ = std::move(trace);
}

std::shared_ptr<report::Trace> Reporter::trace() {
    std::lock_guard lock(mutex_);
    return trace_;
}

void Reporter::finish_output() {
    viewed = false;
    for (auto stream : {Stream::output, Stream::error})
        writer_.print(stream, writer_.take_partial_lines(stream));
    writer_.show({});
    writer_.capture(false);
    writer_.flush();
}

void Reporter::finish_reports(const std::string& reason) {
    auto events = drain();
    std::unique_lock lock(mutex_);
    auto reports = reports_;
    lock.unlock();
    for (const auto& each : reports) {
        for (const auto& event : events) each->take(event);
        each->finish(reason);
    }
}

void Reporter::before_fork() noexcept {
    mutex_.lock();
}

void Reporter::after_fork_in_parent() noexcept {
    mutex_.unlock();
}

void Reporter::after_fork_in_child() noexcept {
    events_.clear();
    reports_.clear();
    queue = viewed = false;
    mutex_.unlock();
}

}  // namespace charioteer::python
