#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bind_process.hpp"
#include "bind_screen.hpp"
#include "guest_handle.hpp"
#include "machine/machine.hpp"
#include "reporter.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// The options of the current environment: scripts change os.environ between starts.
machine::StartOptions start_options();

/// The Python object of a virtual machine.
class MachineHandle : public GuestHandle {
public:
    MachineHandle(std::string name, std::string start_command, std::string state_directory,
                  std::string shared_directory, const std::shared_ptr<Reporter>& reporter,
                  py::object idle, bool keep_state);
    MachineHandle(const MachineHandle&) = delete;
    MachineHandle& operator=(const MachineHandle&) = delete;
    /// Ends QEMU, without waiting for its end.
    ~MachineHandle();

    const std::shared_ptr<machine::Machine>& machine() const noexcept { return machine_; }

    const machine::MachineParts& parts() const noexcept { return machine_->parts(); }
    const std::shared_ptr<machine::Console>& console() const noexcept {
        return parts().context->console();
    }

    std::optional<pid_t> pid() const;
    std::optional<Process> process() const;

    void start(machine::StartOptions options);
    void reseed();
    void save_state(const std::string& file);
    void load_state(const std::string& file, machine::StartOptions options);
    void connect();
    void wait_for_shutdown(const py::object& timeout);
    void release();

    py::tuple execute(std::string command, bool check_return, bool check_output,
                      const py::object& timeout, bool log_output);
    py::tuple append_by_shell(const py::bytes& content, std::string file);
    int attach_shell();

    py::str monitor_command(std::string command);
    py::str qmp(std::string command, const std::string& arguments);
    py::str next_qmp_event(const py::object& timeout);
    void send_key(const std::string& key);
    void set_link(const std::string& device, bool up);
    void forward_port(int host_port, int guest_port);

    ScreenReading read_screen(std::size_t variants, const py::object& timeout);

    py::str console_log();
    py::list console_tail(std::size_t count);
    machine::ConsoleState console_state();
    void restore_console(std::vector<std::string> lines, std::size_t taken);
    py::list next_console_lines(const py::object& timeout);
    machine::ConsoleText next_console_text(const py::object& timeout,
                                           std::optional<machine::ConsoleMark> seen);
    void consume_console_rest(machine::ConsoleMark mark);

private:
    std::shared_ptr<machine::Machine> machine_;
    std::shared_ptr<Reporter> reporter_;
};

}  // namespace charioteer::python
