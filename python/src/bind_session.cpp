#include <pybind11/stl.h>

#include <cmath>

#include "bindings.hpp"
#include "block_on.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "machine_handle.hpp"
#include "session/configuration.hpp"
#include "session/session.hpp"
#include "termination.hpp"
#include "vlan_handle.hpp"

namespace charioteer::python {

namespace {

/// The Python object of a session.
class SessionHandle {
public:
    explicit SessionHandle(const std::shared_ptr<Reporter>& reporter)
        : session_(std::make_shared<session::Session>(Core::instance().host(), sink_of(reporter),
                                                      [] { Termination::instance().begin(); })) {
        Termination::instance().add(session_);
        Termination::instance().add(reporter);
    }
    SessionHandle(SessionHandle&&) = default;
    SessionHandle& operator=(SessionHandle&&) = delete;
    ~SessionHandle() { Core::instance().dispose(std::move(session_)); }

    void adopt_machine(const MachineHandle& machine) {
        on_io_thread(
            [session = session_, machine = machine.machine()] { session->adopt(machine); });
    }
    void adopt_vlan(const VlanHandle& vlan) {
        on_io_thread([session = session_, network = vlan.network()] { session->adopt(network); });
    }
    void arm_timeout(const py::object& timeout) {
        on_io_thread([session = session_, limit = to_limit(timeout).duration] {
            session->arm_timeout(limit);
        });
    }
    void cancel_timeout() {
        on_io_thread([session = session_] { session->cancel_timeout(); });
    }
    std::vector<std::string> close(const py::object& clients, const py::object& disks) {
        vlan::StopLimits limits{to_limit(clients).duration, to_limit(disks).duration};
        return block_on(close_held(session_, limits));
    }

private:
    static asio::awaitable<std::vector<std::string>> close_held(
        std::shared_ptr<session::Session> session, vlan::StopLimits limits) {
        co_return co_await session->close(limits);
    }

    std::shared_ptr<session::Session> session_;
};

session::Configuration load_configuration(const std::string& path) {
    try {
        return session::load_configuration(path);
    } catch (const io::UsageError& error) {
        raise_as(PyExc_ValueError, error);
    } catch (const io::Error& error) {
        raise_as(PyExc_OSError, error);
    }
}

py::dict in_order(const session::Configuration::Scripts& texts) {
    py::dict all;
    for (const auto& [name, text] : texts) all[py::str(name)] = text;
    return all;
}

/// An int if the file has an integer.
py::object seconds(double value) {
    if (value == std::floor(value) && value < 1e15) return py::int_(static_cast<long long>(value));
    return py::float_(value);
}

void bind_configuration(py::module_& module) {
    using session::Configuration;
    py::class_<Configuration>(module, "Configuration")
        .def_property_readonly("vms", [](const Configuration& self) { return in_order(self.vms); })
        .def_property_readonly("containers",
                               [](const Configuration& self) { return in_order(self.containers); })
        .def_property_readonly("container_addresses",
                               [](const Configuration& self) {
                                   py::dict by_vlan;
                                   for (const auto& [vlan, addresses] : self.container_addresses)
                                       by_vlan[py::str(vlan)] = in_order(addresses);
                                   return by_vlan;
                               })
        .def_readonly("vlans", &Configuration::vlans)
        .def_property_readonly(
            "global_timeout",
            [](const Configuration& self) { return seconds(self.global_timeout); })
        .def_readonly("enable_ssh_backdoor", &Configuration::enable_ssh_backdoor)
        .def_readonly("test_script", &Configuration::test_script)
        .def_readonly("is_of_26_11", &Configuration::is_of_26_11);
    module.def("load_configuration", &load_configuration, py::arg("path"));
}

void bind_termination(py::module_& module) {
    // Created on the main thread, which imports the module.
    auto& termination = Termination::instance();
    module.def("watch_sigterm", [&termination] { termination.watch(); });
    module.def("unwatch_sigterm", [&termination] { termination.unwatch(); });
    module.def("script_ended", [&termination] { termination.script_ended(); });
    module.def(
        "remove_at_end",
        [&termination](std::string folder) { termination.remove_at_end(std::move(folder)); },
        py::arg("folder"));
    module.def("terminate", [&termination] { termination.begin(); });
    module.def("is_terminating", [&termination] { return termination.begun(); });
    module.def("end_by_sigterm", [&termination] {
        Unlocked unlocked;
        termination.end_process();
    });
}

}  // namespace

void bind_session(py::module_& module) {
    bind_configuration(module);
    bind_vlan(module);
    py::class_<SessionHandle>(module, "Session")
        .def(py::init<const std::shared_ptr<Reporter>&>(), py::arg("reporter"))
        .def("adopt_machine", &SessionHandle::adopt_machine, py::arg("machine"))
        .def("adopt_vlan", &SessionHandle::adopt_vlan, py::arg("vlan"))
        .def("arm_timeout", &SessionHandle::arm_timeout, py::arg("timeout"))
        .def("cancel_timeout", &SessionHandle::cancel_timeout)
        .def("close", &SessionHandle::close, py::arg("clients") = 0, py::arg("disks") = 0);
    bind_termination(module);
}

}  // namespace charioteer::python
