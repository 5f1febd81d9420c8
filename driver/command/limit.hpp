#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "io/time_source.hpp"

namespace charioteer::command {

/// What the driver takes for a call beyond its caller's limit, at most: for an agent that has to be
/// started, for other calls' commands in the root shell, and for a guest that does not answer.
inline constexpr io::Duration grace = std::chrono::seconds(60);

/// A limit as the caller wrote it: the guest's `timeout` and messages show the text.
struct Limit {
    io::Duration duration;
    std::string text;
};

/// The status of a command that its limit has ended.
inline constexpr int cut_off_status = 124;

/// What a question of the driver to the guest, which upstream asks under a limit of 900 s, is
/// granted when there is `left` of its wait: no more than that, and, once the wait's limit has
/// passed, 150 s. That is longer than Linux takes to give up connecting to an address that does not
/// answer, about 130 s. In whole seconds, as every `timeout` takes them.
Limit probe_limit(io::Duration left);

/// The deadline of a step that may take `bound` from now on, but never outlasts its caller's.
io::Deadline at_most(io::Duration bound, io::Deadline caller, io::TimeSource& time);

/// "limit 5 s", with the grace, or that there is none; for notes of errors.
std::string describe(const std::optional<Limit>& limit);

/// When the driver gives up a call with this limit that begins now. 0 is no limit, as to the guest.
io::Deadline deadline_of(std::optional<io::Duration> limit, io::TimeSource& time);
io::Deadline deadline_of(const std::optional<Limit>& limit, io::TimeSource& time);

}  // namespace charioteer::command
