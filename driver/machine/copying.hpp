#pragma once

#include <cstdint>
#include <string>

#include "io/event.hpp"
#include "io/time_source.hpp"
#include "machine/error_lines.hpp"

namespace charioteer::machine {

/// One copy under way: reports its progress, for a terminal, and knows when it last came further.
/// Io thread only.
class Copying {
public:
    /// `what` as "copy A to B".
    Copying(io::TimeSource& time, io::EventSink sink, std::string machine, std::string what);
    Copying(const Copying&) = delete;
    Copying& operator=(const Copying&) = delete;
    ~Copying();

    /// Something was carried. `total` is 0 when it is not known.
    void moved(std::uint64_t done, std::uint64_t total);
    /// Nothing can move now, as while the guest is stopped: the time until it counts as stalled
    /// begins anew.
    void reset_stall_timer() { last_moved_ = time_.now(); }
    io::TimePoint last_moved() const noexcept { return last_moved_; }
    /// As "1.5 of 3.0 MB".
    std::string how_far() const;

    ErrorLines errors;  ///< of the guest's end

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
