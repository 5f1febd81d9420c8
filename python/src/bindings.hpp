#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "io/event.hpp"
#include "reporter.hpp"

namespace charioteer::python {

namespace py = pybind11;

// Each defines the classes of one source file; python/charioteer/_core.pyi documents them.
void bind_reporter(py::module_& module);
void bind_reports(py::module_& module);
void bind_trace(py::module_& module);
void bind_values(py::module_& module);
void bind_process(py::module_& module);
void bind_call(py::module_& module);
void bind_guest(py::module_& module);
void bind_machine(py::module_& module);
void bind_screen(py::module_& module);
void bind_session(py::module_& module);

/// Passes events to `reporter`, which exists as long as the sink.
inline io::EventSink sink_of(const std::shared_ptr<Reporter>& reporter) {
    return [reporter](const io::Event& event) { reporter->take(event); };
}

}  // namespace charioteer::python
