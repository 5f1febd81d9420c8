#pragma once

#include <cstdint>
#include <string>

#include "io/event.hpp"
#include "io/time_source.hpp"
#include "machine/error_lines.hpp"

namespace charioteer::machine {

/// A running copy: reports its progress, for a terminal, and when it has last made progress.
/// Io thread only.
class Copying {
public:
    /// `what` as "copy A to B".
    Copying(io::TimeSource& time, io::EventSink sink, std::string machine, std::string what);
    Copying(const Copying&) = delete;
    Copying& operator=(const Copying&) = delete;
    ~Copying();

    /// Reports progress. `total` is 0 when it is not known.
    void moved(std::uint64_t done, std::uint64_t total);
    /// No progress is possible now, as while the guest is stopped: it does not count as stalled.
    void reset_stall_timer() { last_moved_ = time_.now(); }
    io::TimePoint last_moved() const noexcept { return last_moved_; }
    /// The progress, as "1.5 of 3.0 MB".
    std::string how_far() const;

    ErrorLines errors;  ///< of the program in the guest

private:
    io::TimeSource& time_;
    io::EventSink sink_;
    std::string machine_;
    std::string what_;
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;
    io::TimePoint last_moved_;
    io::TimePoint next_;
    bool shown_ = false;
};

}  // namespace charioteer::machine
