#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/condition.hpp"
#include "io/line_splitter.hpp"
#include "io/time_source.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;

/// A position in the last line of the console, which has no line end yet.
struct ConsoleMark {
    std::size_t line = 0;   ///< the number of lines before it, since the console was made
    std::size_t bytes = 0;  ///< of the line, without carriage returns
    bool operator==(const ConsoleMark&) const = default;
};

/// Text of the console that no earlier call has returned.
struct ConsoleText {
    std::vector<std::string> lines;  ///< complete ones; taken with this
    /// The last line, if it has no line end and nothing was received for a second, as for a prompt;
    /// else empty. It is taken by Console::consume_rest().
    std::string rest;
    ConsoleMark mark;  ///< the end of `rest`
};

/// The console at the time at which the guest was saved.
struct ConsoleState {
    std::vector<std::string> lines;  ///< since the last start; the last one may have no line end
    std::size_t taken = 0;           ///< how many of them calls have returned
};

/// Whether `line` is the kernel's report of a panic, and not a text that mentions one: it is at the
/// start of a line, or after time stamps as in "[    1.5][    T1] ", which may follow text of other
/// writers. The kernel writes it twice; the second one marks the end of the report and is ignored.
bool is_panic(std::string_view line);

/// The serial console of one machine: all lines since the last start; those of more than 64 KiB are
/// split. Io thread only.
class Console : public std::enable_shared_from_this<Console> {
public:
    using LineSink = std::function<void(const std::string& line)>;

    /// `sink` gets each line when it is complete, without its line end. It gets the beginning of a
    /// line earlier if nothing was received for a second, and later only the rest of that line.
    static std::shared_ptr<Console> make(const asio::any_io_executor& executor,
                                         io::TimeSource& time, LineSink sink);
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    /// Forgets everything, for a new start of the machine.
    void reset();
    ConsoleState state() const;
    /// Replaces everything by `state`, in a guest that was loaded and is not continued yet. The
    /// lines are not passed to the sink.
    void restore(ConsoleState state);
    void feed(std::string_view bytes);
    /// Adds a line from elsewhere, such as the standard error of a command. It is not searched for
    /// panics.
    void add_line(std::string line);
    /// Called at the end of the input: an incomplete line becomes a line.
    void finish();

    /// The last `count` lines, or all if there are fewer; including an incomplete one.
    std::vector<std::string> last_lines(std::size_t count) const;
    /// All lines joined by newlines; including an incomplete one.
    std::string text() const;
    /// The lines that no earlier call has returned, at least one. Throws io::TimeoutError.
    asio::awaitable<std::vector<std::string>> next_lines(io::Deadline deadline);
    /// The same, or else a rest that ends after `seen`. Throws io::TimeoutError.
    asio::awaitable<ConsoleText> next_text(ConsoleMark seen, io::Deadline deadline);
    /// Takes the last line up to the mark: later calls return what follows. No-op when another call
    /// has taken more.
    void consume_rest(ConsoleMark mark);

    /// The last panic; none if there was none, or the machine has continued after it.
    std::optional<std::size_t> panic() const noexcept { return panic_; }
    /// The machine continues after `panic`.
    void forget_panic(std::optional<std::size_t> panic);
    /// Returns the line of a kernel panic once the kernel has written nothing for 15 s after it: a
    /// kernel that reboots, or starts a crash kernel, writes more.
    asio::awaitable<std::string> wait_for_panic();

private:
    Console(const asio::any_io_executor& executor, io::TimeSource& time, LineSink sink);
    static asio::awaitable<void> watch_rest(std::weak_ptr<Console> weak, io::TimeSource& time);
    void settle();
    void add(std::string line);
    void push(std::string line);
    std::string bare_rest() const;
    bool has_rest_beyond(ConsoleMark seen) const;
    asio::awaitable<void> until_text(std::optional<ConsoleMark> seen);
    std::vector<std::string> take_lines();

    asio::any_io_executor executor_;
    io::TimeSource& time_;
    LineSink sink_;
    io::Condition changed_;
    static constexpr std::size_t longest_line = 64 * 1024;
    io::LineSplitter splitter_{longest_line};
    std::vector<std::string> lines_;
    std::size_t taken_ = 0;  ///< lines that were returned
    /// Lines of which the beginning was taken before they ended: its length, by their index.
    std::map<std::size_t, std::size_t> begun_;
    std::vector<std::size_t> ended_;    ///< indices of those of the serial port
    std::size_t ended_before_ = 0;      ///< lines of earlier starts
    std::optional<std::size_t> panic_;  ///< index of the last line of a panic

    // Of the incomplete line. Lengths are without carriage returns.
    std::size_t rest_taken_ = 0;  ///< what was returned
    std::size_t settled_ = 0;     ///< what was passed to the sink after a second without input
    io::TimePoint fed_;           ///< when bytes were received last
    bool watched_ = false;        ///< whether watch_rest() runs
};

}  // namespace charioteer::machine
