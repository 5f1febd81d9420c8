// Plain values that calls of the core return to Python.

#include <pybind11/stl.h>

#include "bindings.hpp"
#include "channel/call.hpp"
#include "command/command.hpp"
#include "convert.hpp"
#include "machine/console.hpp"

namespace charioteer::python {

namespace {

using channel::Piece;
using command::Outcome;
using machine::ConsoleMark;
using machine::ConsoleState;
using machine::ConsoleText;

py::list to_texts(const std::vector<std::string>& lines) {
    py::list texts;
    for (const auto& line : lines) texts.append(to_text(line));
    return texts;
}

Outcome make_outcome(int status, int signal, const py::bytes& output, const py::bytes& errors,
                     double duration, bool timed_out) {
    auto exact = std::chrono::duration<double>(duration);
    return {status,   signal, output, errors, std::chrono::duration_cast<io::Duration>(exact),
            timed_out};
}

void bind_outcome(py::module_& module) {
    py::class_<Outcome>(module, "Outcome")
        .def(py::init(&make_outcome), py::arg("status") = 0, py::arg("signal") = 0,
             py::arg("output") = py::bytes(), py::arg("errors") = py::bytes(),
             py::arg("duration") = 0.0, py::arg("timed_out") = false)
        .def_readonly("status", &Outcome::status)
        .def_readonly("signal", &Outcome::signal)
        .def_property_readonly("output", [](const Outcome& self) { return py::bytes(self.output); })
        .def_property_readonly("errors", [](const Outcome& self) { return py::bytes(self.errors); })
        .def_property_readonly("duration",
                               [](const Outcome& self) { return io::seconds(self.duration); })
        .def_readonly("timed_out", &Outcome::timed_out);
}

void bind_console(py::module_& module) {
    // Without members: Python only returns it to the core.
    py::class_<ConsoleMark> opaque(module, "ConsoleMark");
    py::class_<ConsoleText>(module, "ConsoleText")
        .def(py::init([](std::vector<std::string> lines, std::string rest) {
                 return ConsoleText{std::move(lines), std::move(rest), {}};
             }),
             py::arg("lines"), py::arg("rest"))
        .def_property_readonly("lines",
                               [](const ConsoleText& self) { return to_texts(self.lines); })
        .def_property_readonly("rest", [](const ConsoleText& self) { return to_text(self.rest); })
        .def_readonly("mark", &ConsoleText::mark);
    py::class_<ConsoleState>(module, "ConsoleState")
        .def_property_readonly("lines",
                               [](const ConsoleState& self) { return to_texts(self.lines); })
        .def_readonly("taken", &ConsoleState::taken);
}

}  // namespace

void bind_values(py::module_& module) {
    bind_outcome(module);
    py::class_<Piece>(module, "Piece")
        .def_property_readonly(
            "is_errors", [](const Piece& self) { return self.source == channel::Source::errors; })
        .def_property_readonly("data", [](const Piece& self) { return py::bytes(self.bytes); });
    bind_console(module);
}

}  // namespace charioteer::python
