#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string_view>

#include "command/limit.hpp"
#include "io/time_source.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// Decodes bytes of a guest as UTF-8, with U+FFFD for invalid bytes.
py::str to_text(std::string_view bytes);

/// A number of seconds or a timedelta. Negative ones are zero; longer ones are reduced to thirty
/// years. Raises TypeError for anything else.
command::Limit to_limit(const py::handle& value);

/// The deadline after a number of seconds, a timedelta, or None.
io::Deadline to_deadline(const py::handle& value, io::TimeSource& time);

}  // namespace charioteer::python
