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

/// How much of the line that the console has not ended was seen.
struct ConsoleMark {
    std::size_t line = 0;   ///< how many lines came before it, since the console was made
    std::size_t bytes = 0;  ///< of it, without carriage returns
    bool operator==(const ConsoleMark&) const = default;
};

/// What a console has that no earlier call has taken.
struct ConsoleText {
    std::vector<std::string> lines;  ///< whole ones; taken with this
    /// The last line, as a prompt that waits for an answer: it has no end, and nothing came for a
    /// second. Empty: there is none. It is taken by Console::take_rest().
    std::string rest;
    ConsoleMark mark;  ///< up to the end of `rest`
};

/// The serial console of one machine: every line since the last start, those of more than 64 KiB in
/// pieces. Io thread only.
class Console : public std::enable_shared_from_this<Console> {
public:
    using LineSink = std::function<void(const std::string& line)>;

    /// `sink` gets each line as it is completed, without its line end; and the beginning of a line
    /// when nothing has followed for a second, of which it then gets only what follows.
    static std::shared_ptr<Console> make(const asio::any_io_executor& executor,
                                         io::TimeSource& time, LineSink sink);
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    /// Forgets everything: the machine starts anew.
    void reset();
    void feed(std::string_view bytes);
    /// A line that came by another way, as of the standard error of a command. The kernel does not
    /// panic there.
    void add_line(std::string line);
    /// There will be no more: what stands without a line end becomes a line.
    void finish();

    /// The last `count` lines, or all there are; with the one that has no end.
    std::vector<std::string> last_lines(std::size_t count) const;
    /// All lines joined by newlines; with the one that has no end.
    std::string text() const;
    /// The lines that no earlier call has returned, at least one. Throws io::TimeoutError.
    asio::awaitable<std::vector<std::string>> next_lines(io::Deadline deadline);
    /// The same, or else a rest that goes beyond `seen`. Throws io::TimeoutError.
    asio::awaitable<ConsoleText> next_text(ConsoleMark seen, io::Deadline deadline);
    /// The last line is taken up to the mark: later calls get what follows. Does nothing when
    /// another call has taken more.
    void take_rest(ConsoleMark mark);

    /// Which panic was the last; none: there was none, or the machine got over it.
    std::optional<std::size_t> panic() const noexcept { return panic_; }
    /// The machine lives on after `panic`.
    void forget_panic(std::optional<std::size_t> panic);
    /// Returns the line of a kernel panic, once the kernel has written nothing for 15 s after it:
    /// one that reboots, or starts a crash kernel, goes on talking.
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
    std::size_t taken_ = 0;  ///< lines that were given out
    /// Lines of which the beginning was taken before they ended: its length, by their index.
    std::map<std::size_t, std::size_t> begun_;
    std::vector<std::size_t> ended_;    ///< indices of those of the serial port
    std::size_t ended_before_ = 0;      ///< lines of earlier starts
    std::optional<std::size_t> panic_;  ///< index of the last panic line

    // Of the line that has no end. Lengths are without carriage returns.
    std::size_t rest_taken_ = 0;  ///< what was given out
    std::size_t settled_ = 0;     ///< what nothing has followed for a second; the sink has it
    io::TimePoint fed_;           ///< when something came last
    bool watched_ = false;        ///< whether watch_rest() runs
};

}  // namespace charioteer::machine
