#include "core.hpp"

#include <pybind11/pybind11.h>

#include <chrono>

namespace charioteer::python {

namespace py = pybind11;

namespace {

/// For what is being read or written when the interpreter ends.
constexpr auto disk_patience = std::chrono::seconds(5);

/// Lets Ctrl-C through. Takes the interpreter lock, which the caller must not hold.
void check_signals() {
    InPython in_python;
    if (interpreter_ends()) return;
    py::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace

Core::Core()
    : host_(std::make_shared<machine::Host>(runtime_.executor(), runtime_.time(), check_signals)) {}

Core& Core::instance() {
    static Core* const core = [] {
        auto* made = new Core;
        py::module_::import("atexit").attr("register")(py::cpp_function([made] {
            if (made->is_foreign()) return;
            begin_interpreter_end();
            py::gil_scoped_release released;
            // Its threads hand their results to the io thread.
            made->runtime_.start(made->host_->end_reading()).get();
            // So do these, unless their disk hangs: what they are about is then left to itself.
            made->host_->disk().end(disk_patience);
            made->runtime_.stop();
            await_threads_in_python();
        }));
        return made;
    }();
    return *core;
}

}  // namespace charioteer::python
