#include <pybind11/stl.h>

#include "bindings.hpp"
#include "convert.hpp"
#include "interpreter_lock.hpp"

namespace charioteer::python {

namespace {

const char* kind_name(io::EventKind kind) {
    switch (kind) {
        case io::EventKind::log:
            return "log";
        case io::EventKind::warning:
            return "warning";
        case io::EventKind::serial:
            return "serial";
        case io::EventKind::progress:
            return "progress";
        case io::EventKind::state:
            return "state";
        case io::EventKind::traffic:
            break;  // never kept
    }
    return "log";
}

/// Binds a flag of the reporter as a property.
template <std::atomic<bool> Reporter::*member>
void bind_switch(py::class_<Reporter, std::shared_ptr<Reporter>>& type, const char* name) {
    type.def_property(
        name, [](const Reporter& self) { return (self.*member).load(); },
        [](Reporter& self, bool on) { self.*member = on; });
}

/// Writes all of `text` to a standard stream; an exception of a signal handler ends it early.
void print(Reporter& reporter, Stream stream, std::string text) {
    std::string_view rest = text;
    while (!rest.empty()) {
        {
            Unlocked unlocked;
            rest.remove_prefix(reporter.writer().print(stream, rest));
        }
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
}

Stream stream_of(bool errors) {
    return errors ? Stream::error : Stream::output;
}

void bind_output(py::class_<Reporter, std::shared_ptr<Reporter>>& type) {
    type.def("write", &Reporter::write, py::arg("text"))
        .def(
            "show",
            [](Reporter& self, std::vector<std::string> lines) {
                self.writer().show(std::move(lines));
            },
            py::arg("lines"), py::call_guard<Unlocked>())
        .def(
            "flush", [](Reporter& self) { self.writer().flush(); }, py::call_guard<Unlocked>())
        .def(
            "flush_for_program", [](Reporter& self) { self.writer().flush_for_program(); },
            py::call_guard<Unlocked>())
        .def_property(
            "held", [](Reporter& self) { return self.writer().held(); },
            [](Reporter& self, bool on) { self.writer().hold(on); })
        .def(
            "capture", [](Reporter& self, bool on) { self.writer().capture(on); }, py::arg("on"),
            py::call_guard<Unlocked>())
        .def(
            "print",
            [](Reporter& self, const py::bytes& data, bool errors) {
                auto stream = stream_of(errors);
                print(self, stream, self.writer().complete_lines(stream, std::string(data)));
            },
            py::arg("data"), py::arg("errors") = false)
        .def(
            "flush_print",
            [](Reporter& self, bool errors) {
                auto stream = stream_of(errors);
                print(self, stream, self.writer().take_partial_line(stream));
            },
            py::arg("errors") = false)
        .def("finish_print",
             [](Reporter& self) {
                 for (auto stream : {Stream::output, Stream::error})
                     print(self, stream, self.writer().take_partial_lines(stream));
             })
        .def_property_readonly("output_unread",
                               [](Reporter& self) { return self.writer().output_unread(); });
}

std::string format_line_of(const std::string& style, const std::string& text,
                           std::optional<std::string> machine) {
    using enum LineStyle;
    for (auto [known, name] :
         {std::pair(log, "log"), std::pair(step, "step"), std::pair(debug, "debug"),
          std::pair(error, "error"), std::pair(serial, "serial")})
        if (style == name) return format_line(known, text, machine);
    throw py::value_error("there is no style of lines " + style);
}

py::list drain(Reporter& reporter) {
    py::list events;
    for (auto& event : reporter.drain()) events.append(py::cast(std::move(event)));
    return events;
}

}  // namespace

void bind_reporter(py::module_& module) {
    py::class_<io::Event>(module, "Event")
        .def_property_readonly("kind", [](const io::Event& self) { return kind_name(self.kind); })
        .def_property_readonly("machine", [](const io::Event& self) { return self.machine; })
        .def_property_readonly("text", [](const io::Event& self) { return to_text(self.text); })
        .def_property_readonly("details", [](const io::Event& self) {
            py::dict details;
            for (const auto& [name, value] : self.details) details[py::str(name)] = to_text(value);
            return details;
        });

    module.def("format_line", &format_line_of, py::arg("style"), py::arg("text"),
               py::arg("machine") = py::none());

    py::class_<Reporter, std::shared_ptr<Reporter>> type(module, "Reporter");
    type.def(py::init<bool, bool>(), py::arg("terminal") = true, py::arg("queue") = false)
        .def("drain", &drain)
        .def("add_report", &Reporter::add_report, py::arg("report"))
        .def("trace_to", &Reporter::trace_to, py::arg("trace"));
    bind_output(type);
    bind_switch<&Reporter::terminal>(type, "terminal");
    bind_switch<&Reporter::queue>(type, "queue");
    bind_switch<&Reporter::serial>(type, "serial");
    bind_switch<&Reporter::warnings>(type, "warnings");
    bind_switch<&Reporter::viewed>(type, "viewed");
    bind_switch<&Reporter::consoles>(type, "consoles");
}

}  // namespace charioteer::python
