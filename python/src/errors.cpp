#include "errors.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "convert.hpp"
#include "machine/errors.hpp"

namespace charioteer::python {

namespace {

constexpr auto script_errors = "test_driver.errors";

// Never released, since they may outlive the interpreter.
PyObject* requested_assertion_failed = nullptr;
PyObject* machine_error = nullptr;
PyObject* shell_error = nullptr;
PyObject* connection_error = nullptr;
PyObject* timeout_error = nullptr;
PyObject* not_running_error = nullptr;
PyObject* copy_failed = nullptr;
PyObject* qmp_error = nullptr;

/// `package` and `name` are the names by which test scripts import it.
PyObject* define(py::module_& module, const std::string& package, const char* name, const char* doc,
                 PyObject* bases) {
    auto qualified = package + "." + name;
    auto* type = PyErr_NewExceptionWithDoc(qualified.c_str(), doc, bases, nullptr);
    if (type == nullptr) throw py::error_already_set();
    module.attr(name) = py::handle(type);
    return type;
}

void add_notes(const py::object& exception, const io::Error& error) {
    for (const auto& note : error.notes()) exception.attr("add_note")(to_text(note));
}

/// Sets the Python error, as an exception translator does.
void set_error(const py::handle& type, const io::Error& error) {
    py::object exception = type(to_text(error.what()));
    add_notes(exception, error);
    PyErr_SetObject(type.ptr(), exception.ptr());
}

void translate(std::exception_ptr pointer) {
    try {
        if (pointer) std::rethrow_exception(pointer);
    } catch (const machine::RequestFailed& error) {
        set_error(requested_assertion_failed, error);
    } catch (const machine::ShellError& error) {
        set_error(shell_error, error);
    } catch (const machine::NotRunning& error) {
        set_error(not_running_error, error);
    } catch (const machine::CopyFailed& error) {
        set_error(copy_failed, error);
    } catch (const io::ConnectionLost& error) {
        set_error(connection_error, error);
    } catch (const io::TimeoutError& error) {
        set_error(timeout_error, error);
    } catch (const io::Error& error) {
        set_error(machine_error, error);
    } catch (const io::Interrupted& interrupted) {
        PyErr_SetString(machine_error, interrupted.what());
    } catch (const std::system_error& error) {
        errno = error.code().value();
        PyErr_SetFromErrno(PyExc_OSError);
    }
}

}  // namespace

void raise_as(const py::handle& type, const io::Error& error) {
    set_error(type, error);
    throw py::error_already_set();
}

void raise_qmp_error(const qmp::CommandError& error) {
    // The text of upstream's driver, whose transactions have no numbers.
    py::str text(fmt::format("<QMP API error related to transaction None [{}]: {}>", error.kind(),
                             error.description()));
    py::object exception = py::handle(qmp_error)(text);
    exception.attr("add_note")(to_text(error.what()));
    add_notes(exception, error);
    PyErr_SetObject(qmp_error, exception.ptr());
    throw py::error_already_set();
}

void raise_timeout_expired(const py::object& what, const py::object& limit,
                           const io::Error& error) {
    auto type = py::module_::import("subprocess").attr("TimeoutExpired");
    py::object exception = type(what, limit);
    add_notes(exception, error);
    PyErr_SetObject(type.ptr(), exception.ptr());
    throw py::error_already_set();
}

namespace {

/// Kinds of MachineError. Their other bases are the exceptions of upstream's driver in the same
/// cases, for scripts that catch those. All are exported by test_driver.errors.
void bind_machine_errors(py::module_& module) {
    auto kind = [&](const char* name, const char* doc, std::initializer_list<PyObject*> others) {
        py::list bases;
        bases.append(py::handle(machine_error));
        for (auto* other : others) bases.append(py::handle(other));
        return define(module, script_errors, name, doc, py::tuple(bases).ptr());
    };
    shell_error = kind(
        "ShellError", "The root shell did not appear, is lost, or does not answer.",
        {PyExc_RuntimeError, PyExc_ValueError, PyExc_BrokenPipeError, PyExc_ConnectionResetError});
    connection_error =
        kind("ConnectionLost", "QEMU closed a connection, usually because it has ended.",
             {PyExc_BrokenPipeError, PyExc_ConnectionResetError});
    timeout_error = kind("MachineTimeout", "QEMU or a guest did not do something in time.",
                         {PyExc_TimeoutError});
    not_running_error = kind("NotRunning", "The machine is off and would have to run.",
                             {PyExc_AssertionError, PyExc_BrokenPipeError});
    copy_failed = kind("CopyFailed", "The guest cannot read or write what is to be copied.",
                       {requested_assertion_failed});
}

}  // namespace

void bind_errors(py::module_& module) {
    requested_assertion_failed =
        define(module, script_errors, "RequestedAssertionFailed",
               "A condition that the test requires is not met. Details are in __notes__.", nullptr);
    machine_error =
        define(module, script_errors, "MachineError",
               "An error of the driver, QEMU or the host. Details are in __notes__.", nullptr);
    bind_machine_errors(module);
    qmp_error = define(module, "test_driver.machine.qmp", "QMPAPIError", "QEMU rejected a command.",
                       PyExc_RuntimeError);
    py::register_exception_translator(&translate);
}

}  // namespace charioteer::python
