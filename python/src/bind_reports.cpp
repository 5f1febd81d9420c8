#include <pybind11/stl.h>

#include <cerrno>
#include <system_error>

#include "bindings.hpp"
#include "report/junit.hpp"
#include "report/xml_log.hpp"

namespace charioteer::python {

namespace {

/// Raises OSError with the name of the file.
[[noreturn]] void raise_of_file(const std::string& file, const std::system_error& error) {
    errno = error.code().value();
    PyErr_SetFromErrnoWithFilename(PyExc_OSError, file.c_str());
    throw py::error_already_set();
}

void write(report::Junit& report) {
    try {
        report.write();
    } catch (const std::system_error& error) {
        raise_of_file(report.file(), error);
    }
}

std::shared_ptr<report::XmlLog> open_log(const std::string& file) {
    try {
        return std::make_shared<report::XmlLog>(file);
    } catch (const std::system_error& error) {
        raise_of_file(file, error);
    }
}

std::string junit_text(const py::list& given) {
    std::vector<report::JunitCase> cases;
    for (const auto& each : given) {
        auto fields = each.cast<py::dict>();
        cases.push_back(
            {fields["name"].cast<std::string>(), fields["output"].cast<std::vector<std::string>>(),
             fields["errors"].cast<std::vector<std::string>>(), fields["failed"].cast<bool>(),
             std::chrono::duration<double>(fields["time"].cast<double>()),
             fields["explanation"].cast<std::string>()});
    }
    return report::junit_text(cases);
}

/// In the order of the dict.
report::XmlLog::Attributes attributes_of(const py::dict& given) {
    report::XmlLog::Attributes attributes;
    for (const auto& [name, value] : given)
        attributes.emplace_back(py::str(name).cast<std::string>(),
                                py::str(value).cast<std::string>());
    return attributes;
}

}  // namespace

void bind_reports(py::module_& module) {
    using report::Junit;
    using report::XmlLog;
    py::class_<report::Report, std::shared_ptr<report::Report>> base(module, "Report");
    py::class_<Junit, report::Report, std::shared_ptr<Junit>>(module, "JunitReport")
        .def(py::init<std::string>(), py::arg("file"))
        .def("log", &Junit::log, py::arg("text"))
        .def("fail", &Junit::fail, py::arg("text"))
        .def("explain", &Junit::explain, py::arg("reason"))
        .def("run_failed", &Junit::run_failed, py::arg("reason"))
        .def("begin_subtest", &Junit::begin_subtest, py::arg("name"))
        .def("leave_subtest", &Junit::leave_subtest, py::arg("number"))
        .def("end_subtest", &Junit::end_subtest, py::arg("number"))
        .def("write", &write);
    module.def("junit_text", &junit_text, py::arg("cases"));
    py::class_<XmlLog, report::Report, std::shared_ptr<XmlLog>>(module, "XmlLog")
        .def(py::init(&open_log), py::arg("file"))
        .def(
            "line",
            [](XmlLog& self, const std::string& text, const py::dict& attributes) {
                self.line(text, attributes_of(attributes));
            },
            py::arg("text"), py::arg("attributes"))
        .def(
            "open_nest",
            [](XmlLog& self, const std::string& head, const py::dict& attributes) {
                self.open_nest(head, attributes_of(attributes));
            },
            py::arg("head"), py::arg("attributes"))
        .def("close_nest", &XmlLog::close_nest)
        .def("close", &XmlLog::close);
}

}  // namespace charioteer::python
