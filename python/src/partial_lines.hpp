#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace charioteer::python {

enum class Stream { output, error };

/// The incomplete lines that threads have written to the standard streams. Not thread-safe.
class PartialLines {
public:
    /// Adds to the line of a thread; returns the lines that are complete. An incomplete line of
    /// more than 64 KiB counts as complete.
    std::string complete(std::thread::id thread, Stream stream, std::string_view text);
    /// The incomplete line of a thread.
    std::string_view of(std::thread::id thread, Stream stream) const;
    /// Removes and returns the incomplete line of a thread.
    std::string take(std::thread::id thread, Stream stream);
    /// The same for all threads.
    std::string take_all(Stream stream);
    void clear() { lines_.clear(); }

private:
    std::map<std::pair<std::thread::id, Stream>, std::string> lines_;
};

/// The end of a file that takes the log and the output of threads: what is needed so that no line
/// of one is within a line of another. Not thread-safe.
class FileEnd {
public:
    /// Whether the last line is an incomplete one of a thread.
    bool is_open() const noexcept { return open_.has_value(); }
    bool is_open_by_other(std::thread::id thread) const { return open_ && open_ != thread; }
    /// Notes that the incomplete line was ended for another line. The thread's own line end, if it
    /// comes next, is to be left out.
    void end_line();
    /// The number of bytes of a thread's output that are to be left out.
    std::size_t left_out(std::thread::id thread, std::string_view text);
    /// Notes what a thread has written.
    void written(std::thread::id thread, std::string_view text);
    /// Forgets an incomplete line, which another program may have completed.
    void forget() { open_ = cut_ = std::nullopt; }

private:
    std::optional<std::thread::id> open_;  ///< the thread whose line is incomplete
    std::optional<std::thread::id> cut_;   ///< the thread whose line was ended
};

}  // namespace charioteer::python
