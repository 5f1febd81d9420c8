#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "io/time_source.hpp"

namespace charioteer::command {

/// By how much a call may exceed its caller's limit: for starting an agent, for waiting for other
/// commands in the root shell, and for a guest that does not answer.
inline constexpr io::Duration grace = std::chrono::seconds(60);

/// A limit as the caller has given it: `text` is for the guest's `timeout` and for messages.
struct Limit {
    io::Duration duration;
    std::string text;
};

/// The status of a command that its limit has ended.
inline constexpr int cut_off_status = 124;

/// The limit of a probe, a command of the driver in a wait, for which upstream has a limit of 900
/// s: `left`, the rest of the wait, at most, and 150 s once the limit of the wait has passed. That
/// is longer than Linux tries to connect to an address that does not answer, about 130 s. In whole
/// seconds, which every `timeout` accepts.
Limit probe_limit(io::Duration left);

/// The deadline of a step that may take `bound` from now on; the caller's deadline if that is
/// earlier.
io::Deadline at_most(io::Duration bound, io::Deadline caller, io::TimeSource& time);

/// "limit 5 s", and by how much the call may exceed it, or that there is none; for notes of errors.
std::string describe(const std::optional<Limit>& limit, io::Duration excess);

/// When the driver ends a call with this limit that begins now. 0 is no limit, as in the guest.
io::Deadline deadline_of(std::optional<io::Duration> limit, io::TimeSource& time);
io::Deadline deadline_of(const std::optional<Limit>& limit, io::TimeSource& time);

}  // namespace charioteer::command
