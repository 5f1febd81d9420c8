#include "bindings.hpp"
#include "machine/keys.hpp"
#include "machine_handle.hpp"

namespace charioteer::python {

namespace {

using Type = py::class_<MachineHandle, GuestHandle>;

using Words = std::vector<std::string>;

machine::StartOptions options_of(bool allow_reboot, Words arguments, std::string command,
                                 std::string full_command, std::optional<Words> environment) {
    auto options = start_options();
    options.allow_reboot = allow_reboot;
    options.arguments = std::move(arguments);
    options.command = std::move(command);
    options.full_command = std::move(full_command);
    if (environment) options.environment = std::move(*environment);
    return options;
}

void start(MachineHandle& self, bool allow_reboot, Words arguments, std::string command,
           std::string full_command, std::optional<Words> environment) {
    self.start(options_of(allow_reboot, std::move(arguments), std::move(command),
                          std::move(full_command), std::move(environment)));
}

void load_state(MachineHandle& self, const std::string& file, bool allow_reboot, Words arguments,
                std::string command, std::string full_command, std::optional<Words> environment) {
    self.load_state(file, options_of(allow_reboot, std::move(arguments), std::move(command),
                                     std::move(full_command), std::move(environment)));
}

/// The command that upstream's driver would start, without additions of this driver.
std::string driver_command(const std::string& start_command, const std::string& monitor,
                           const std::string& qmp, const std::string& shell, bool allow_reboot) {
    machine::Sockets sockets("");
    sockets.monitor = monitor;
    sockets.qmp = qmp;
    sockets.shell = shell;
    auto options = start_options();
    options.allow_reboot = allow_reboot;
    return machine::driver_command(start_command, sockets, options);
}

void bind_life_cycle(Type& type) {
    type.def_property_readonly("name",
                               [](const MachineHandle& self) { return self.machine()->name(); })
        .def_property_readonly("state_dir",
                               [](const MachineHandle& self) {
                                   return self.machine()->config().state_directory.string();
                               })
        .def_property(
            "booted", [](const MachineHandle& self) { return self.machine()->booted.load(); },
            [](MachineHandle& self, bool is) { self.machine()->booted = is; })
        .def_property(
            "connected", [](const MachineHandle& self) { return self.machine()->connected.load(); },
            [](MachineHandle& self, bool is) { self.machine()->connected = is; })
        .def_property_readonly("has_agent",
                               [](const MachineHandle& self) {
                                   return on_io_thread([agent = self.parts().agent] {
                                       return agent->usable() != nullptr;
                                   });
                               })
        .def_property_readonly("agent_bytes",
                               [](const MachineHandle& self) {
                                   return on_io_thread([agent = self.parts().qemu_agent] {
                                       return agent->moved_bytes();
                                   });
                               })
        .def_property_readonly("pid", &MachineHandle::pid)
        .def_property_readonly("process", &MachineHandle::process)
        .def("start", &start, py::arg("allow_reboot") = false, py::arg("arguments") = Words(),
             py::arg("command") = "", py::arg("full_command") = "",
             py::arg("environment") = py::none())
        .def("yield_directory",
             [](MachineHandle& self) { self.run(self.machine()->yield_directory()); })
        .def("connect", &MachineHandle::connect)
        .def("poweroff", [](MachineHandle& self) { self.run(self.machine()->power_off()); })
        .def("crash", [](MachineHandle& self) { self.run(self.machine()->crash()); })
        .def("wait_for_shutdown", &MachineHandle::wait_for_shutdown,
             py::arg("timeout") = py::none())
        .def("release", &MachineHandle::release);
}

void bind_saving(Type& type) {
    type.def("pause", [](MachineHandle& self) { self.run(self.parts().saver->pause()); })
        .def("resume", [](MachineHandle& self) { self.run(self.parts().saver->resume()); })
        .def("reseed", &MachineHandle::reseed)
        .def("save_state", &MachineHandle::save_state, py::arg("file"))
        .def("load_state", &load_state, py::arg("file"), py::arg("allow_reboot") = false,
             py::arg("arguments") = Words(), py::arg("command") = "", py::arg("full_command") = "",
             py::arg("environment") = py::none())
        .def("console_state", &MachineHandle::console_state)
        .def("restore_console", &MachineHandle::restore_console, py::arg("lines"),
             py::arg("taken"));
}

void bind_commands(Type& type) {
    type.def("execute", &MachineHandle::execute, py::arg("command"), py::arg("check_return") = true,
             py::arg("check_output") = true, py::arg("timeout") = 900,
             py::arg("log_output") = false)
        .def("attach_shell", &MachineHandle::attach_shell)
        .def("detach_shell",
             [](MachineHandle& self) { self.run(self.parts().guest_runner->shell().take_back()); })
        .def("append_by_shell", &MachineHandle::append_by_shell, py::arg("content"),
             py::arg("file"));
}

void bind_monitor(Type& type) {
    type.def("monitor_command", &MachineHandle::monitor_command, py::arg("command"))
        .def("qmp", &MachineHandle::qmp, py::arg("command"), py::arg("arguments") = "{}")
        .def("next_qmp_event", &MachineHandle::next_qmp_event, py::arg("timeout"))
        .def("send_key", &MachineHandle::send_key, py::arg("key"))
        .def("set_link", &MachineHandle::set_link, py::arg("device"), py::arg("up"))
        .def("forward_port", &MachineHandle::forward_port, py::arg("host_port"),
             py::arg("guest_port"))
        .def(
            "screenshot",
            [](MachineHandle& self, std::string path) {
                self.run(self.parts().screen->save(std::move(path)));
            },
            py::arg("path"))
        .def("read_screen", &MachineHandle::read_screen, py::arg("variants"),
             py::arg("timeout") = py::none())
        .def("console_log", &MachineHandle::console_log)
        .def("console_tail", &MachineHandle::console_tail, py::arg("count"))
        .def("next_console_lines", &MachineHandle::next_console_lines, py::arg("timeout"))
        .def("next_console_text", &MachineHandle::next_console_text, py::arg("timeout"),
             py::arg("seen"))
        .def("consume_console_rest", &MachineHandle::consume_console_rest, py::arg("mark"))
        .def(
            "send_console",
            [](MachineHandle& self, const py::bytes& data) {
                self.run(self.parts().monitor->send_console(data));
            },
            py::arg("data"));
}

}  // namespace

void bind_machine(py::module_& module) {
    Type type(module, "Machine");
    type.def(py::init<std::string, std::string, std::string, std::string,
                      const std::shared_ptr<Reporter>&, py::object, bool>(),
             py::arg("name"), py::arg("start_command"), py::arg("state_dir"), py::arg("shared_dir"),
             py::arg("reporter"), py::arg("idle") = py::none(), py::arg("keep_state") = false);
    bind_life_cycle(type);
    bind_saving(type);
    bind_commands(type);
    bind_monitor(type);
    module.def("driver_command", &driver_command, py::arg("start_command"), py::arg("monitor"),
               py::arg("qmp"), py::arg("shell"), py::arg("allow_reboot") = false);
    module.def("machine_name", &machine::machine_name, py::arg("start_command"));
    module.def("key_name", &machine::key_name, py::arg("character"));
}

}  // namespace charioteer::python
