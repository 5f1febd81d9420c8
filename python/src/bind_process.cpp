#include "bind_process.hpp"

#include <pybind11/stl.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "block_on.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "io/line_splitter.hpp"
#include "io/printable.hpp"
#include "process/directory_claims.hpp"
#include "reporter.hpp"

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
        raise_timeout_expired(py::str("the program"), timeout, error);
    }
}

py::str Process::last_output() const {
    return to_text(on_io_thread([child = child_] { return std::string(child->last_output()); }));
}

void Process::send_signal(int number) const {
    on_io_thread([child = child_, number] { child->signal(number); });
}

namespace {

/// Starts a program; each line of its output is reported as a line of `machine`'s serial console.
Process spawn(std::vector<std::string> arguments, std::vector<std::string> environment,
              const std::string& directory, std::string machine,
              const std::shared_ptr<Reporter>& reporter) {
    process::ProcessSpec spec{std::move(arguments), std::move(environment), directory};
    process::Child::OutputSink sink = [](std::string_view) {};
    if (reporter)
        sink = [lines = std::make_shared<io::LineSplitter>(), machine = std::move(machine),
                reporter](std::string_view bytes) {
            lines->feed(bytes);
            while (auto line = lines->next())
                reporter->take({io::EventKind::serial, machine, io::decodable(*line)});
        };
    auto& time = Core::instance().runtime().time();
    return Process(block_on(process::Child::spawn(std::move(spec), std::move(sink), time)));
}

}  // namespace

void bind_process(py::module_& module) {
    py::class_<Process>(module, "Process")
        .def_property_readonly("pid", &Process::pid)
        .def_property_readonly("returncode", &Process::poll)
        .def("poll", &Process::poll)
        .def("wait", &Process::wait, py::arg("timeout") = py::none())
        .def("send_signal", &Process::send_signal, py::arg("signal"))
        .def("terminate", [](const Process& self) { self.send_signal(SIGTERM); })
        .def("kill", [](const Process& self) { self.send_signal(SIGKILL); })
        .def("last_output", &Process::last_output);
    module.def("spawn", &spawn, py::arg("arguments"), py::arg("environment"), py::arg("directory"),
               py::arg("machine") = "", py::arg("reporter") = nullptr);
    py::class_<process::ClaimedDirectory>(module, "ClaimedDirectory")
        .def(py::init([](const std::string& path) {
                 expect_core();
                 auto& host = *Core::instance().host();
                 Unlocked unlocked;
                 return host.claim(path);
             }),
             py::arg("path"))
        .def("release", &process::ClaimedDirectory::release);
}

}  // namespace charioteer::python
