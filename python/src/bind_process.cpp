#include "bind_process.hpp"

#include <csignal>
#include <optional>

#include "block_on.hpp"
#include "convert.hpp"
#include "errors.hpp"

namespace charioteer::python {

namespace {

asio::awaitable<int> wait(std::shared_ptr<process::Child> child, io::Deadline deadline) {
    co_return (co_await child->wait(deadline)).returncode();
}

}  // namespace

Process::Process(std::shared_ptr<process::Child> child)
    : child_(std::move(child)), pid_(child_->pid()) {}

Process::~Process() {
    Core::instance().dispose(std::move(child_));
}

std::optional<int> Process::poll() const {
    return on_io_thread([child = child_]() -> std::optional<int> {
        if (!child->status()) return std::nullopt;
        return child->status()->returncode();
    });
}

int Process::wait(const py::object& timeout) const {
    auto deadline = to_deadline(timeout, Core::instance().runtime().time());
    try {
        return block_on(python::wait(child_, deadline));
    } catch (const io::TimeoutError& error) {
        raise_timeout_expired(py::str("the start script"), timeout, error);
    }
}

void Process::send_signal(int number) const {
    on_io_thread([child = child_, number] { child->signal(number); });
}

void bind_process(py::module_& module) {
    py::class_<Process>(module, "Process")
        .def_property_readonly("pid", &Process::pid)
        .def_property_readonly("returncode", &Process::poll)
        .def("poll", &Process::poll)
        .def("wait", &Process::wait, py::arg("timeout") = py::none())
        .def("send_signal", &Process::send_signal, py::arg("signal"))
        .def("terminate", [](const Process& self) { self.send_signal(SIGTERM); })
        .def("kill", [](const Process& self) { self.send_signal(SIGKILL); });
}

}  // namespace charioteer::python
