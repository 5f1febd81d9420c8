#include <pybind11/stl.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "bindings.hpp"
#include "interpreter_lock.hpp"
#include "report/trace.hpp"

namespace charioteer::python {

namespace {

using report::Record;
using report::Trace;

/// As UTF-8, with a question mark for each lone surrogate.
std::string utf8_of(const py::handle& text) {
    Py_ssize_t size = 0;
    if (const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size))
        return {bytes, static_cast<std::size_t>(size)};
    PyErr_Clear();
    auto encoded =
        py::reinterpret_steal<py::bytes>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "replace"));
    if (!encoded) throw py::error_already_set();
    return encoded;
}

std::string text_of(const py::handle& value) {
    return utf8_of(py::str(value));
}

void add_sequence(Record& record, std::string_view name, const py::sequence& values) {
    if (values.size() > 0 && py::isinstance<py::int_>(values[0])) {
        record.numbers(name, values.cast<std::vector<std::int64_t>>());
        return;
    }
    std::vector<std::string> texts;
    for (const auto& each : values) texts.push_back(text_of(each));
    record.texts(name, texts);
}

void add_field(Record& record, std::string_view name, const py::handle& value) {
    if (value.is_none()) return;
    if (py::isinstance<py::bool_>(value))
        record.flag(name, value.cast<bool>());
    else if (py::isinstance<py::int_>(value))
        record.number(name, value.cast<std::int64_t>());
    else if (py::isinstance<py::float_>(value))
        record.number(name, value.cast<double>());
    else if (py::isinstance<py::bytes>(value))
        record.text(name, std::string_view(py::reinterpret_borrow<py::bytes>(value)));
    else if (py::isinstance<py::list>(value))
        add_sequence(record, name, py::reinterpret_borrow<py::sequence>(value));
    else if (py::isinstance<py::dict>(value)) {
        std::vector<std::pair<std::string, std::string>> entries;
        for (const auto& [key, entry] : py::reinterpret_borrow<py::dict>(value))
            entries.emplace_back(text_of(key), text_of(entry));
        record.object(name, entries);
    } else
        record.text(name, text_of(value));
}

Record record_of(const py::dict& fields) {
    Record record;
    for (const auto& [name, value] : fields) add_field(record, utf8_of(name), value);
    return record;
}

std::shared_ptr<Trace> open_trace(const std::string& file, const py::dict& header,
                                  std::size_t limit) {
    Trace::Settings settings;
    settings.limit = limit;
    try {
        return std::make_shared<Trace>(file, record_of(header), std::move(settings));
    } catch (const std::system_error& error) {
        errno = error.code().value();
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, file.c_str());
        throw py::error_already_set();
    }
}

std::string close(Trace& trace, const py::dict& result) {
    auto record = record_of(result);
    Unlocked unlocked;
    return trace.close(record);
}

}  // namespace

void bind_trace(py::module_& module) {
    py::class_<Trace, report::Report, std::shared_ptr<Trace>>(module, "Trace")
        .def(py::init(&open_trace), py::arg("file"), py::arg("header"),
             py::arg("limit") = Trace::Settings().limit)
        .def(
            "add",
            [](Trace& self, const std::string& kind, const py::dict& fields) {
                self.add(kind, record_of(fields));
            },
            py::arg("kind"), py::arg("fields"))
        .def(
            "begin_span",
            [](Trace& self, const py::dict& fields) { return self.begin_span(record_of(fields)); },
            py::arg("fields"))
        .def(
            "end_span",
            [](Trace& self, std::int64_t number, const py::dict& fields) {
                self.end_span(number, record_of(fields));
            },
            py::arg("number"), py::arg("fields"))
        .def("close", &close, py::arg("result"));
}

}  // namespace charioteer::python
