#include "terminal_io.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "io/printable.hpp"

namespace charioteer::python {

namespace {

using Clock = std::chrono::steady_clock;

/// Bytes that a writable pipe accepts without blocking, and atomically.
constexpr std::size_t piece = 4096;
constexpr int slice_ms = 100;
constexpr std::size_t usual_rows = 24;

/// The number of bytes to write at once: complete lines, unless one is longer than a piece, so that
/// no other output is written within a line.
std::size_t next_piece(std::string_view text) {
    if (text.size() <= piece) return text.size();
    auto end = text.rfind('\n', piece - 1);
    return end == text.npos ? piece : end + 1;
}

}  // namespace

bool go_to_same_place() {
    struct stat output {};
    struct stat error {};
    return ::fstat(STDOUT_FILENO, &output) == 0 && ::fstat(STDERR_FILENO, &error) == 0 &&
           output.st_dev == error.st_dev && output.st_ino == error.st_ino;
}

std::size_t rows_of(int terminal) {
    winsize size{};
    return ::ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : usual_rows;
}

std::size_t write_some(int fd, std::string_view text, Clock::duration limit,
                       const std::atomic<bool>& stop) {
    std::size_t done = 0;
    auto give_up = Clock::now() + limit;
    while (done < text.size() && !stop && Clock::now() < give_up) {
        pollfd writable{fd, POLLOUT, 0};
        // After an interruption by a signal, the result of poll() is unknown.
        if (::poll(&writable, 1, slice_ms) <= 0) continue;
        auto rest = text.substr(done);
        auto written = ::write(fd, rest.data(), next_piece(rest));
        if (written >= 0) {
            done += static_cast<std::size_t>(written);
            give_up = Clock::now() + limit;
        } else if (errno != EAGAIN && errno != EINTR) {
            throw std::system_error(errno, std::system_category());
        }
    }
    return done;
}

std::string shown(std::string_view line) {
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (auto start = line.rfind('\r'); start != line.npos) line.remove_prefix(start + 1);
    auto text = io::printable(line, io::Colours::keep);
    if (text.find('\x1b') != text.npos) text += "\x1b[0m";
    return text;
}

}  // namespace charioteer::python
