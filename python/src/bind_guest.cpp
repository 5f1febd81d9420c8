#include "bindings.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "guest_handle.hpp"
#include "machine/container.hpp"
#include "machine/output_holders.hpp"
#include "process/spawn.hpp"

namespace charioteer::python {

namespace {

/// The Python object of a container.
class ContainerHandle : public GuestHandle {
public:
    ContainerHandle(std::string name, const std::shared_ptr<Reporter>& reporter, py::object idle)
        : GuestHandle(std::move(idle)) {
        expect_core();
        container_ = on_io_thread([name = std::move(name), sink = sink_of(reporter)] {
            auto& host = Core::instance().host();
            return std::make_shared<machine::Container>(name, host, sink);
        });
        take({container_, &container_->parts()});
    }
    ContainerHandle(const ContainerHandle&) = delete;
    ContainerHandle& operator=(const ContainerHandle&) = delete;
    ~ContainerHandle() { Core::instance().dispose(std::move(container_)); }

    void enter(pid_t leader, std::string nsenter) {
        constexpr auto variable = "CHARIOTEER_OUTPUT_HOLDER_LIMIT";
        auto environment = process::own_environment();
        auto limit = machine::parse_holder_limit(process::find_variable(environment, variable));
        machine::ContainerEntry entry{leader, std::move(nsenter), limit};
        on_io_thread([container = container_, entry] { container->enter(entry); });
    }
    void leave() {
        on_io_thread([container = container_] { container->leave(); });
    }

private:
    std::shared_ptr<machine::Container> container_;
};

}  // namespace

void bind_guest(py::module_& module) {
    py::class_<GuestHandle> type(module, "Guest");
    type.def("run", &GuestHandle::run_command, py::arg("command"), py::arg("input") = py::none(),
             py::arg("timeout") = py::none(), py::arg("keep_errors") = true,
             py::arg("log_output") = false)
        .def("begin", &GuestHandle::begin, py::arg("command"), py::arg("input") = false,
             py::arg("timeout") = py::none())
        .def("wait_for_command", &GuestHandle::wait_for_command, py::arg("command"),
             py::arg("success") = true, py::arg("timeout") = 900)
        .def("wait_for_probe", &GuestHandle::wait_for_probe, py::arg("command"),
             py::arg("success") = true, py::arg("timeout") = 900,
             py::arg("hint") = std::vector<std::string>())
        .def("wait_for_unit", &GuestHandle::wait_for_unit, py::arg("unit"),
             py::arg("user") = py::none(), py::arg("timeout") = 900)
        .def("copy_in", &GuestHandle::copy_in, py::arg("source"), py::arg("target"))
        .def("copy_out", &GuestHandle::copy_out, py::arg("source"), py::arg("target"))
        .def(
            "add_console_lines",
            [](GuestHandle& self, std::vector<py::bytes> lines) {
                std::vector<std::string> copies(lines.begin(), lines.end());
                self.add_console_lines(std::move(copies));
            },
            py::arg("lines"));
    py::class_<ContainerHandle, GuestHandle>(module, "Container")
        .def(py::init<std::string, const std::shared_ptr<Reporter>&, py::object>(), py::arg("name"),
             py::arg("reporter"), py::arg("idle") = py::none())
        .def("enter", &ContainerHandle::enter, py::arg("leader"), py::arg("nsenter"))
        .def("leave", &ContainerHandle::leave);
}

}  // namespace charioteer::python
