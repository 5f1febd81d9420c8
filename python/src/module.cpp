// The module charioteer._core: what python/charioteer/_core.pyi describes, over the C++ core.

#include "bindings.hpp"
#include "errors.hpp"

PYBIND11_MODULE(_core, module) {
    namespace python = charioteer::python;
    module.doc() = "The C++ core of charioteer. _core.pyi has the documentation.";
    module.attr("version") = CHARIOTEER_VERSION;
    python::bind_errors(module);
    python::bind_reports(module);
    python::bind_trace(module);
    python::bind_reporter(module);
    python::bind_values(module);
    python::bind_process(module);
    python::bind_call(module);
    python::bind_screen(module);
    python::bind_guest(module);
    python::bind_machine(module);
    python::bind_session(module);
}
