#include "core.hpp"

#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <mutex>

namespace charioteer::python {

namespace py = pybind11;

namespace {

/// For files that are being read or written when the interpreter ends.
constexpr auto disk_limit = std::chrono::seconds(5);
/// For the text that Tesseract is recognising then.
constexpr auto screen_limit = std::chrono::seconds(5);

/// Throws after Ctrl-C. Acquires the interpreter lock, which the caller must not hold.
void check_signals() {
    InPython in_python;
    if (interpreter_ends()) return;
    py::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace

Core::Core()
    : host_(std::make_shared<machine::Host>(runtime_.executor(), runtime_.time(), check_signals)) {}

Core* Core::make() {
    auto* made = new Core;
    py::module_::import("atexit").attr("register")(py::cpp_function([made] {
        if (made->is_foreign()) return;
        begin_interpreter_end();
        py::gil_scoped_release released;
        // Before the io thread ends, because these threads post their results to it.
        auto deadline = made->runtime_.time().deadline_after(screen_limit);
        made->runtime_.start(made->host_->end_reading(deadline)).get();
        // The same for the disk threads; those on a hung disk are abandoned.
        made->host_->disk().end(disk_limit);
        made->runtime_.stop();
        await_threads_in_python();
    }));
    return made;
}

Core& Core::instance() {
    static std::atomic<Core*> core = nullptr;
    static std::once_flag once;
    if (auto* made = core.load()) return *made;
    // Other callers wait without the interpreter lock: creating the core calls Python, which may
    // pass the lock to one of them and then need it again.
    py::gil_scoped_release released;
    std::call_once(once, [] {
        py::gil_scoped_acquire locked;
        core = make();
    });
    return *core.load();
}

}  // namespace charioteer::python
