#include "convert.hpp"

#include <algorithm>
#include <cmath>

namespace charioteer::python {

namespace {

constexpr double longest_limit = 1e9;  // s; more would overflow a clock of nanoseconds

io::Duration to_duration(double seconds) {
    if (std::isnan(seconds)) throw py::value_error("a limit must be a number of seconds, not NaN");
    return std::chrono::duration_cast<io::Duration>(
        std::chrono::duration<double>(std::clamp(seconds, 0.0, longest_limit)));
}

}  // namespace

py::str to_text(std::string_view bytes) {
    auto* text =
        PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace");
    if (text == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::str>(text);
}

command::Limit to_limit(const py::handle& value) {
    py::object number = py::reinterpret_borrow<py::object>(value);
    if (py::hasattr(value, "total_seconds")) number = value.attr("total_seconds")();
    if (!PyFloat_Check(number.ptr()) && !PyLong_Check(number.ptr()))
        throw py::type_error("a limit is a number of seconds or a timedelta, not " +
                             py::repr(value).cast<std::string>());
    auto seconds = PyFloat_AsDouble(number.ptr());
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    return {to_duration(seconds), py::str(number).cast<std::string>()};
}

io::Deadline to_deadline(const py::handle& value, io::TimeSource& time) {
    if (value.is_none()) return io::Deadline::never();
    return time.deadline_after(to_limit(value).duration);
}

}  // namespace charioteer::python
