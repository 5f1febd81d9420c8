#include "machine/console.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "io/printable.hpp"
#include "io/with_deadline.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

constexpr auto panic_silence = 15s;
constexpr std::string_view panic_mark = "Kernel panic - not syncing";

/// As upstream has lines: no carriage returns, no blanks at the end, and none of the bytes that are
/// not UTF-8, which boot loaders write.
std::string tidy(std::string line) {
    line = io::decodable(line);
    std::erase(line, '\r');
    auto last = line.find_last_not_of(" \t\n\v\f");
    line.resize(last == std::string::npos ? 0 : last + 1);
    return line;
}

/// Whether `line` is how the kernel itself says that it panics, and not somebody's talk of it: at
/// the start of a line, or after its stamps as in "[    1.5][    T1] ", with which it may break
/// into what others write. It says so twice; the second time only marks the end of the report.
bool is_panic(std::string_view line) {
    auto at = line.find(panic_mark);
    if (at == line.npos || line.find("---[ end") != line.npos) return false;
    auto before = line.substr(0, at);
    while (before.ends_with(' ')) before.remove_suffix(1);
    auto open = before.rfind('[');
    return before.empty() ||
           (before.back() == ']' && open != before.npos &&
            before.substr(open).find_first_not_of("[0123456789. TC]") == before.npos);
}

}  // namespace

Console::Console(const asio::any_io_executor& executor, io::TimeSource& time, LineSink sink)
    : time_(time), sink_(std::move(sink)), changed_(executor) {}

void Console::reset() {
    splitter_ = io::LineSplitter(longest_line);
    lines_.clear();
    taken_ = 0;
    panic_.reset();
}

void Console::feed(std::string_view bytes) {
    splitter_.feed(bytes);
    bool any = false;
    while (auto line = splitter_.next()) {
        add(std::move(*line));
        any = true;
    }
    if (any) changed_.notify_all();
}

void Console::finish() {
    if (splitter_.rest().empty()) return;
    add(std::string(splitter_.rest()));
    splitter_ = io::LineSplitter(longest_line);
    changed_.notify_all();
}

void Console::add(std::string line) {
    lines_.push_back(tidy(std::move(line)));
    if (is_panic(lines_.back())) panic_ = lines_.size() - 1;
    sink_(lines_.back());
}

void Console::add_line(std::string line) {
    lines_.push_back(tidy(std::move(line)));
    sink_(lines_.back());
    changed_.notify_all();
}

std::vector<std::string> Console::last_lines(std::size_t count) const {
    auto from = lines_.size() - std::min(count, lines_.size());
    return {lines_.begin() + static_cast<std::ptrdiff_t>(from), lines_.end()};
}

std::string Console::text() const {
    std::size_t size = 0;
    for (const auto& line : lines_) size += line.size() + 1;
    std::string all;
    all.reserve(size);
    for (const auto& line : lines_) all.append(line).push_back('\n');
    if (!all.empty()) all.pop_back();
    return all;
}

asio::awaitable<std::vector<std::string>> Console::until_lines() {
    while (taken_ >= lines_.size()) co_await changed_.wait();
    std::vector<std::string> fresh(lines_.begin() + static_cast<std::ptrdiff_t>(taken_),
                                   lines_.end());
    taken_ = lines_.size();
    co_return fresh;
}

asio::awaitable<std::vector<std::string>> Console::next_lines(io::Deadline deadline) {
    co_return co_await io::with_deadline(until_lines(), deadline, time_,
                                         "no new line on the console");
}

void Console::forget_panic(std::optional<std::size_t> panic) {
    if (panic_ == panic) panic_.reset();
}

asio::awaitable<std::string> Console::wait_for_panic() {
    for (;;) {
        while (!panic_) co_await changed_.wait();
        std::size_t seen = lines_.size();
        co_await time_.sleep_for(panic_silence);
        if (panic_ && lines_.size() == seen) co_return lines_[*panic_];
        // It talked on after the panic. The boot that follows is a new life.
        if (panic_ && lines_.size() > *panic_ + 200) panic_.reset();
    }
}

}  // namespace charioteer::machine
