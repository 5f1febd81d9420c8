// Plain values that calls of the core return to Python.

#include <pybind11/stl.h>

#include "bindings.hpp"
#include "channel/call.hpp"
#include "command/command.hpp"
#include "convert.hpp"
#include "machine/console.hpp"
#include "timed_outcome.hpp"

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

/// As Python's time.monotonic().
double monotonic_seconds(TimedOutcome::TimePoint time) {
    return io::seconds(time.time_since_epoch());
}

TimedOutcome make_outcome(int status, int signal, const py::bytes& output, const py::bytes& errors,
                          double duration, bool timed_out, double begun, double ended) {
    auto exact = [](double seconds) {
        return std::chrono::round<io::Duration>(std::chrono::duration<double>(seconds));
    };
    return {{status, signal, output, errors, exact(duration), timed_out},
            TimedOutcome::TimePoint(exact(begun)),
            TimedOutcome::TimePoint(exact(ended))};
}

template <auto member>
auto of_outcome() {
    return [](const TimedOutcome& self) { return self.outcome.*member; };
}

template <std::string Outcome::*member>
auto bytes_of_outcome() {
    return [](const TimedOutcome& self) { return py::bytes(self.outcome.*member); };
}

void bind_outcome(py::module_& module) {
    py::class_<TimedOutcome>(module, "Outcome")
        .def(py::init(&make_outcome), py::arg("status") = 0, py::arg("signal") = 0,
             py::arg("output") = py::bytes(), py::arg("errors") = py::bytes(),
             py::arg("duration") = 0.0, py::arg("timed_out") = false, py::arg("begun") = 0.0,
             py::arg("ended") = 0.0)
        .def_property_readonly("status", of_outcome<&Outcome::status>())
        .def_property_readonly("signal", of_outcome<&Outcome::signal>())
        .def_property_readonly("output", bytes_of_outcome<&Outcome::output>())
        .def_property_readonly("errors", bytes_of_outcome<&Outcome::errors>())
        .def_property_readonly(
            "duration", [](const TimedOutcome& self) { return io::seconds(self.outcome.duration); })
        .def_property_readonly("timed_out", of_outcome<&Outcome::timed_out>())
        .def_property_readonly(
            "begun", [](const TimedOutcome& self) { return monotonic_seconds(self.begun); })
        .def_property_readonly(
            "ended", [](const TimedOutcome& self) { return monotonic_seconds(self.ended); });
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
