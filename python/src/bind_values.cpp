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
using machine::ConsoleText;

py::list to_texts(const std::vector<std::string>& lines) {
    py::list texts;
    for (const auto& line : lines) texts.append(to_text(line));
    return texts;
}

}  // namespace

void bind_values(py::module_& module) {
    py::class_<Outcome>(module, "Outcome")
        .def_readonly("status", &Outcome::status)
        .def_readonly("signal", &Outcome::signal)
        .def_property_readonly("output", [](const Outcome& self) { return py::bytes(self.output); })
        .def_property_readonly("errors", [](const Outcome& self) { return py::bytes(self.errors); })
        .def_property_readonly("duration",
                               [](const Outcome& self) { return io::seconds(self.duration); })
        .def_readonly("timed_out", &Outcome::timed_out);
    py::class_<Piece>(module, "Piece")
        .def_property_readonly(
            "is_errors", [](const Piece& self) { return self.source == channel::Source::errors; })
        .def_property_readonly("data", [](const Piece& self) { return py::bytes(self.bytes); });
    // Without members: Python only returns it to the core.
    py::class_<ConsoleMark> opaque(module, "ConsoleMark");
    py::class_<ConsoleText>(module, "ConsoleText")
        .def_property_readonly("lines",
                               [](const ConsoleText& self) { return to_texts(self.lines); })
        .def_property_readonly("rest", [](const ConsoleText& self) { return to_text(self.rest); })
        .def_readonly("mark", &ConsoleText::mark);
}

}  // namespace charioteer::python
