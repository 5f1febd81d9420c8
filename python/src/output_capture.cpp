#include "output_capture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace charioteer::python {

namespace {

int checked(int result) {
    if (result < 0) throw std::system_error(errno, std::system_category());
    return result;
}

}  // namespace

OutputCapture::OutputCapture(bool with_output)
    : with_output_(with_output),
      // Not one of the standard streams, even if one of them is closed.
      terminal_(checked(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1))),
      stop_(checked(::eventfd(0, EFD_CLOEXEC))) {
    std::array<int, 2> ends{};
    checked(::pipe2(ends.data(), O_CLOEXEC));
    reading_ = io::UniqueFd(ends[0]);
    writing_ = io::UniqueFd(ends[1]);
    checked(::fcntl(reading_.get(), F_SETFL, O_NONBLOCK));
}

OutputCapture::~OutputCapture() {
    try {
        redirect(false);
    } catch (const std::system_error&) {
        // The standard streams stay the pipe: nothing can be written to the terminal any more.
    }
}

void OutputCapture::redirect(bool on) {
    if (redirected_ == on) return;
    int target = on ? writing_.get() : terminal_.get();
    checked(::dup2(target, STDERR_FILENO));
    if (with_output_) checked(::dup2(target, STDOUT_FILENO));
    redirected_ = on;
}

std::string OutputCapture::read() const {
    std::string all;
    std::array<char, 16384> piece{};
    for (;;) {
        auto count = ::read(reading_.get(), piece.data(), piece.size());
        if (count <= 0) return all;
        all.append(piece.data(), static_cast<std::size_t>(count));
        if (static_cast<std::size_t>(count) < piece.size()) return all;
    }
}

bool OutputCapture::wait() const {
    std::array<pollfd, 2> events{pollfd{reading_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
    while (::poll(events.data(), events.size(), -1) <= 0) {
    }
    return events[1].revents == 0;
}

void OutputCapture::stop_waiting() const {
    std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(stop_.get(), &one, sizeof one);
}

}  // namespace charioteer::python
