#include "report/trace.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <charconv>
#include <utility>

#include "io/signals_blocked.hpp"

namespace charioteer::report {

namespace {

using namespace std::chrono_literals;

/// How long records are collected before they are written at once.
constexpr auto batch_time = 10ms;
constexpr auto write_limit = 2s;

double seconds(std::chrono::steady_clock::duration time) {
    return std::chrono::duration<double>(time).count();
}

std::string_view kind_name(io::EventKind kind) {
    switch (kind) {
        case io::EventKind::serial:
            return "console";
        case io::EventKind::state:
            return "state";
        default:
            return "message";
    }
}

std::int64_t number(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Record traffic(const io::Event& event) {
    Record record;
    record.number("vlan", number(event.text));
    std::vector<std::string> senders;
    std::vector<std::int64_t> frames;
    std::vector<std::int64_t> bytes;
    for (const auto& [name, value] : event.details) {
        if (name != "sender") {
            record.number(name, number(value));
            continue;
        }
        // "NAME FRAMES BYTES"
        auto last = value.rfind(' ');
        auto middle = value.rfind(' ', last - 1);
        senders.push_back(value.substr(0, middle));
        frames.push_back(number(value.substr(middle + 1, last - middle - 1)));
        bytes.push_back(number(value.substr(last + 1)));
    }
    if (senders.empty()) return record;
    return record.texts("senders", senders)
        .numbers("sender_frames", frames)
        .numbers("sender_bytes", bytes);
}

}  // namespace

Trace::Trace(std::filesystem::path file, const Record& header, Settings settings)
    : settings_(std::move(settings)),
      begin_(settings_.now()),
      file_(std::move(file), settings_.limit) {
    push("run", header.fields());
    {
        io::SignalsBlocked blocked;
        thread_ = std::make_unique<std::thread>([this] { run(); });
    }
    observe_forks();
}

Trace::~Trace() {
    ignore_forks();
    if (!thread_) return;
    {
        std::lock_guard lock(locks_->state);
        ending_ = true;
    }
    locks_->work.notify_all();
    thread_->join();
}

/// Adds a line; `locks_->state` is held, except in the constructor.
void Trace::push(std::string_view kind, std::string_view fields) {
    if (closed_) return;
    // A file can take 3/8 of its limit at once. The last third of that is not for consoles.
    bool is_console = kind == "console";
    auto most = settings_.limit / 8 * (is_console ? 2 : 3);
    constexpr std::size_t frame = 64;  // more than the bytes of a line in front of its fields
    if (kind != "result" && lines_.size() + fields.size() + frame > most) {
        ++lost_[std::string(kind)];
        return;
    }
    bool was_empty = lines_.empty();
    lines_ += fmt::format("{{\"kind\":\"{}\",\"t\":{:.6f}{}}}\n", kind,
                          seconds(settings_.now() - begin_), fields);
    if (was_empty) locks_->work.notify_one();
}

void Trace::add(std::string_view kind, const Record& record) {
    auto fields = record.fields();
    std::lock_guard lock(locks_->state);
    push(kind, fields);
}

std::int64_t Trace::begin_span(const Record& record) {
    auto fields = record.fields();
    std::lock_guard lock(locks_->state);
    open_[++last_span_] = settings_.now();
    push("begin", Record().number("span", last_span_).fields() + fields);
    return last_span_;
}

void Trace::end_span(std::int64_t number, const Record& record) {
    auto fields = record.fields();
    std::lock_guard lock(locks_->state);
    auto begun = open_.extract(number);
    if (begun.empty()) return;
    Record head;
    head.number("span", number).number("duration", seconds(settings_.now() - begun.mapped()));
    push("end", head.fields() + fields);
}

void Trace::observe(const io::Event& event, bool shown) {
    if (event.kind == io::EventKind::progress) return;
    if (event.kind == io::EventKind::traffic) return add("traffic", traffic(event));
    Record record;
    if (!event.machine.empty()) record.text("machine", event.machine);
    bool is_state = event.kind == io::EventKind::state;
    if (event.kind == io::EventKind::log) record.text("level", "log");
    if (event.kind == io::EventKind::warning) record.text("level", "warning");
    record.text(is_state ? "state" : "text", event.text);
    if (!event.details.empty()) record.object("details", event.details);
    if (!shown) record.flag("hidden", true);
    add(kind_name(event.kind), record);
}

std::string Trace::close(const Record& result) {
    auto fields = result.fields();
    std::unique_lock lock(locks_->state);
    if (closed_ || !thread_) return {};
    push("result", fields);
    closed_ = true;
    if (!flush(lock)) return "it was not written within 2 s";
    return file_.error();
}

/// Waits until the thread has written everything; false after a while.
bool Trace::flush(std::unique_lock<std::mutex>& lock) {
    urgent_ = true;
    locks_->work.notify_all();
    return locks_->idle.wait_for(lock, write_limit, [this] { return lines_.empty() && !writing_; });
}

void Trace::finish(const std::string& reason) noexcept {
    try {
        close(Record().text("status", "interrupted").text("reason", reason));
    } catch (const std::exception&) {
        // The process ends: an error cannot be handled any more.
    }
}

void Trace::run() {
    ::pthread_setname_np(::pthread_self(), "charioteer-log");
    std::unique_lock lock(locks_->state);
    for (;;) {
        locks_->work.wait(lock, [this] { return !lines_.empty() || ending_; });
        if (lines_.empty()) return;
        locks_->work.wait_for(lock, batch_time, [this] { return urgent_ || ending_; });
        auto lines = std::exchange(lines_, {});
        auto lost = std::exchange(lost_, {});
        writing_ = true;
        lock.unlock();
        file_.append(lines, lost);
        lock.lock();
        writing_ = false;
        if (!lines_.empty()) continue;
        urgent_ = false;
        locks_->idle.notify_all();
    }
}

void Trace::before_fork() noexcept {
    locks_->state.lock();
}

void Trace::after_fork_in_parent() noexcept {
    locks_->state.unlock();
}

void Trace::after_fork_in_child() noexcept {
    // The parent writes the queue. The thread does not exist here and cannot be joined, and the
    // condition variables on which it waits cannot be destroyed: both are leaked.
    lines_.clear();
    closed_ = true;
    [[maybe_unused]] auto* lost_locks = locks_.release();
    [[maybe_unused]] auto* lost_thread = thread_.release();
    locks_ = std::make_unique<Locks>();
}

}  // namespace charioteer::report
