#pragma once

#include <pybind11/pybind11.h>

#include "io/error.hpp"
#include "qmp/client.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// Defines the exceptions of the module and the conversion of C++ errors: RequestFailed becomes
/// RequestedAssertionFailed; Interrupted and all other kinds of io::Error become MachineError.
/// Notes become `__notes__`.
void bind_errors(py::module_& module);

/// Raises QMPAPIError with upstream's text, and the text of `error` as a note.
[[noreturn]] void raise_qmp_error(const qmp::CommandError& error);

/// Raises `type` with the text and the notes of `error`.
[[noreturn]] void raise_as(const py::handle& type, const io::Error& error);

/// Raises subprocess.TimeoutExpired for something named `what`; `limit` as the caller gave it.
[[noreturn]] void raise_timeout_expired(const py::object& what, const py::object& limit,
                                        const io::Error& error);

}  // namespace charioteer::python
