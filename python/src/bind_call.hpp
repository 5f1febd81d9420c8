#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "machine/guest_process.hpp"
#include "timed_outcome.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// A running command in a guest, with a reference to the guest's owner. Not for the io thread. The
/// destructor ends the command, unless it was detached.
class Call {
public:
    /// `begun`: when the caller asked for the command.
    Call(std::shared_ptr<const void> owner, std::shared_ptr<machine::GuestProcess> process,
         py::object idle, TimedOutcome::TimePoint begun);
    Call(Call&&) = default;
    Call& operator=(Call&&) = delete;
    ~Call();

    std::uint32_t pid();
    /// None once it has ended. Raises TimeoutError.
    std::optional<channel::Piece> read(const py::object& timeout);
    void write(const py::bytes& data);
    void end_input();
    void signal(int number);
    void detach();
    /// Whether it has; there may be output that was not read.
    bool ended();
    /// None while it runs.
    std::optional<TimedOutcome> outcome();

private:
    std::shared_ptr<const void> owner_;
    std::shared_ptr<machine::GuestProcess> process_;
    py::object idle_;
    TimedOutcome::TimePoint begun_;
    std::optional<TimedOutcome::TimePoint> ended_;  ///< when outcome() first returned one
};

}  // namespace charioteer::python
