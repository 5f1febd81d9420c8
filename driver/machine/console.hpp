#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/condition.hpp"
#include "io/line_splitter.hpp"
#include "io/time_source.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;

/// The serial console of one machine: every line since the last start, those of more than 64 KiB in
/// pieces. Io thread only.
class Console {
public:
    using LineSink = std::function<void(const std::string& line)>;

    /// `sink` gets each line as it is completed, without its line end.
    Console(const asio::any_io_executor& executor, io::TimeSource& time, LineSink sink);

    /// Forgets everything: the machine starts anew.
    void reset();
    void feed(std::string_view bytes);
    /// A line that came by another way, as of the standard error of a command. The kernel does not
    /// panic there.
    void add_line(std::string line);
    /// There will be no more: what stands without a line end becomes a line.
    void finish();

    /// The last `count` lines, or all there are.
    std::vector<std::string> last_lines(std::size_t count) const;
    /// All lines joined by newlines.
    std::string text() const;
    /// The lines that no earlier call has returned, at least one. Throws io::TimeoutError.
    asio::awaitable<std::vector<std::string>> next_lines(io::Deadline deadline);

    /// Which panic was the last; none: there was none, or the machine got over it.
    std::optional<std::size_t> panic() const noexcept { return panic_; }
    /// The machine lives on after `panic`.
    void forget_panic(std::optional<std::size_t> panic);
    /// Returns the line of a kernel panic, once the kernel has said nothing for 15 s after it: one
    /// that reboots, or starts a crash kernel, goes on talking.
    asio::awaitable<std::string> wait_for_panic();

private:
    void add(std::string line);
    asio::awaitable<std::vector<std::string>> until_lines();

    io::TimeSource& time_;
    LineSink sink_;
    io::Condition changed_;
    static constexpr std::size_t longest_line = 64 * 1024;
    io::LineSplitter splitter_{longest_line};
    std::vector<std::string> lines_;
    std::size_t taken_ = 0;             ///< lines that next_lines() has given out
    std::optional<std::size_t> panic_;  ///< index of the last panic line
};

}  // namespace charioteer::machine
