#include "machine/copying.hpp"

#include <fmt/format.h>

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

constexpr auto first_report = 1s;
constexpr auto report_interval = 250ms;

}  // namespace

Copying::Copying(io::TimeSource& time, io::EventSink sink, std::string machine, std::string what)
    : time_(time),
      sink_(std::move(sink)),
      machine_(std::move(machine)),
      what_(std::move(what)),
      last_moved_(time.now()),
      next_(last_moved_ + first_report) {}

Copying::~Copying() {
    if (shown_) sink_({io::EventKind::progress, machine_, ""});
}

void Copying::moved(std::uint64_t done, std::uint64_t total) {
    done_ = done;
    total_ = total;
    last_moved_ = time_.now();
    if (last_moved_ < next_) return;
    next_ = last_moved_ + report_interval;
    shown_ = true;
    sink_({io::EventKind::progress, machine_, fmt::format("{}: {}", what_, how_far())});
}

std::string Copying::how_far() const {
    auto megabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
    if (total_ == 0) return fmt::format("{:.1f} MB", megabytes(done_));
    return fmt::format("{:.1f} of {:.1f} MB", megabytes(done_), megabytes(total_));
}

}  // namespace charioteer::machine
