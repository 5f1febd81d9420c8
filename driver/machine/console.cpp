#include "machine/console.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <chrono>
#include <iterator>

#include "io/printable.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

constexpr auto panic_silence = 15s;
/// How long nothing is received until an incomplete line is passed on.
constexpr auto rest_silence = 1s;
constexpr std::string_view panic_mark = "Kernel panic - not syncing";

/// A line as in upstream's driver: without carriage returns, blanks at the end, and bytes that are
/// not UTF-8, which boot loaders write.
std::string tidy(std::string line) {
    line = io::decodable(line);
    std::erase(line, '\r');
    auto last = line.find_last_not_of(" \t\n\v\f");
    line.resize(last == std::string::npos ? 0 : last + 1);
    return line;
}

}  // namespace

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

Console::Console(const asio::any_io_executor& executor, io::TimeSource& time, LineSink sink)
    : executor_(executor), time_(time), sink_(std::move(sink)), changed_(executor) {}

std::shared_ptr<Console> Console::make(const asio::any_io_executor& executor, io::TimeSource& time,
                                       LineSink sink) {
    return std::shared_ptr<Console>(new Console(executor, time, std::move(sink)));
}

void Console::reset() {
    splitter_ = io::LineSplitter(longest_line);
    lines_.clear();
    taken_ = 0;
    begun_.clear();
    panic_.reset();
    // Plus one for the incomplete line, so that marks from before are not positions in later lines.
    ended_before_ += ended_.size() + 1;
    ended_.clear();
    rest_taken_ = settled_ = 0;
}

ConsoleState Console::state() const {
    ConsoleState state{lines_, taken_};
    auto rest = tidy(std::string(splitter_.rest()));
    if (rest.empty()) return state;
    state.lines.push_back(std::move(rest));
    if (rest_taken_ > 0) state.taken = state.lines.size();
    return state;
}

void Console::restore(ConsoleState state) {
    reset();
    lines_ = std::move(state.lines);
    taken_ = std::min(state.taken, lines_.size());
    changed_.notify_all();
}

void Console::feed(std::string_view bytes) {
    splitter_.feed(bytes);
    bool any = false;
    while (auto line = splitter_.next()) {
        add(std::move(*line));
        any = true;
    }
    if (any) changed_.notify_all();
    fed_ = time_.now();
    if (!splitter_.rest().empty() && !std::exchange(watched_, true))
        asio::co_spawn(executor_, watch_rest(weak_from_this(), time_), asio::detached);
}

/// Runs while the last line is incomplete and was not passed on.
asio::awaitable<void> Console::watch_rest(std::weak_ptr<Console> weak, io::TimeSource& time) {
    for (;;) {
        io::TimePoint due;
        {
            auto self = weak.lock();
            if (!self) co_return;
            due = self->fed_ + rest_silence;
            bool settled = time.now() >= due;
            if (settled || self->splitter_.rest().empty()) {
                self->watched_ = false;
                if (settled) self->settle();
                co_return;
            }
        }
        co_await time.sleep_until(due);
    }
}

void Console::settle() {
    auto rest = bare_rest();
    if (rest.size() <= settled_) return;
    sink_(rest.substr(settled_));
    settled_ = rest.size();
    changed_.notify_all();
}

void Console::finish() {
    if (splitter_.rest().empty()) return;
    add(std::string(splitter_.rest()));
    splitter_ = io::LineSplitter(longest_line);
    changed_.notify_all();
}

/// Takes a complete line of the serial port.
void Console::add(std::string line) {
    if (rest_taken_ > 0) begun_[lines_.size()] = rest_taken_;
    lines_.push_back(tidy(std::move(line)));
    const auto& added = lines_.back();
    if (is_panic(added)) panic_ = lines_.size() - 1;
    if (settled_ == 0)
        sink_(added);
    else if (settled_ < added.size())
        sink_(added.substr(settled_));
    ended_.push_back(lines_.size() - 1);
    rest_taken_ = settled_ = 0;
}

void Console::add_line(std::string line) {
    lines_.push_back(tidy(std::move(line)));
    sink_(lines_.back());
    changed_.notify_all();
}

std::string Console::bare_rest() const {
    auto rest = io::decodable(splitter_.rest());
    std::erase(rest, '\r');
    return rest;
}

std::vector<std::string> Console::last_lines(std::size_t count) const {
    auto rest = tidy(std::string(splitter_.rest()));
    if (count > 0 && !rest.empty()) --count;
    auto from = lines_.size() - std::min(count, lines_.size());
    std::vector<std::string> last(lines_.begin() + static_cast<std::ptrdiff_t>(from), lines_.end());
    if (!rest.empty()) last.push_back(std::move(rest));
    return last;
}

std::string Console::text() const {
    std::size_t size = 0;
    for (const auto& line : lines_) size += line.size() + 1;
    std::string all;
    all.reserve(size);
    for (const auto& line : lines_) all.append(line).push_back('\n');
    auto rest = tidy(std::string(splitter_.rest()));
    all += rest;
    if (rest.empty() && !all.empty()) all.pop_back();
    return all;
}

bool Console::has_rest_beyond(ConsoleMark seen) const {
    return settled_ > rest_taken_ && seen != ConsoleMark{ended_before_ + ended_.size(), settled_};
}

/// Without `seen`, waits for complete lines only.
asio::awaitable<void> Console::until_text(std::optional<ConsoleMark> seen) {
    while (taken_ >= lines_.size() && !(seen && has_rest_beyond(*seen))) co_await changed_.wait();
}

std::vector<std::string> Console::take_lines() {
    std::vector<std::string> fresh(lines_.begin() + static_cast<std::ptrdiff_t>(taken_),
                                   lines_.end());
    for (auto [index, length] : begun_) {
        auto& line = fresh[index - taken_];
        line.erase(0, std::min(length, line.size()));
    }
    begun_.clear();
    taken_ = lines_.size();
    return fresh;
}

asio::awaitable<std::vector<std::string>> Console::next_lines(io::Deadline deadline) {
    co_await deadline.limit(until_text(std::nullopt), "no new line on the console");
    co_return take_lines();
}

asio::awaitable<ConsoleText> Console::next_text(ConsoleMark seen, io::Deadline deadline) {
    co_await deadline.limit(until_text(seen), "nothing new on the console");
    ConsoleText text{take_lines(), "", {ended_before_ + ended_.size(), settled_}};
    if (settled_ > rest_taken_) text.rest = bare_rest().substr(rest_taken_, settled_ - rest_taken_);
    co_return text;
}

void Console::consume_rest(ConsoleMark mark) {
    if (mark.line < ended_before_) return;
    auto line = mark.line - ended_before_;
    if (line == ended_.size()) rest_taken_ = std::max(rest_taken_, mark.bytes);
    if (line >= ended_.size()) return;
    // The line was completed since.
    auto index = ended_[line];
    if (index >= taken_) begun_[index] = std::max(begun_[index], mark.bytes);
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
        // It has written more after the panic: the machine continues, as by a reboot.
        if (panic_ && lines_.size() > *panic_ + 200) panic_.reset();
    }
}

}  // namespace charioteer::machine
