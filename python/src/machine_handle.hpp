#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bind_call.hpp"
#include "bind_process.hpp"
#include "bind_screen.hpp"
#include "block_on.hpp"
#include "machine/machine.hpp"
#include "reporter.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// Those of the calling thread's moment: scripts change os.environ between starts.
machine::StartOptions start_options();

/// The Python object of a machine. Every method is called with the interpreter lock held and waits
/// without it.
class MachineHandle {
public:
    MachineHandle(std::string name, std::string start_command, std::string state_directory,
                  std::string shared_directory, const std::shared_ptr<Reporter>& reporter,
                  py::object idle, bool keep_state);
    MachineHandle(const MachineHandle&) = delete;
    MachineHandle& operator=(const MachineHandle&) = delete;
    /// Ends QEMU, without waiting for that.
    ~MachineHandle();

    const std::shared_ptr<machine::Machine>& machine() const noexcept { return machine_; }

    const machine::MachineParts& parts() const noexcept { return machine_->parts(); }
    const std::shared_ptr<machine::Console>& console() const noexcept {
        return parts().context->console();
    }

    std::optional<pid_t> pid() const;
    std::optional<Process> process() const;

    void start(machine::StartOptions options);
    void connect();
    void wait_for_shutdown(const py::object& timeout);
    void release();

    py::tuple execute(std::string command, bool check_return, bool check_output,
                      const py::object& timeout, bool log_output);
    command::Outcome run_command(std::string command, const py::object& input,
                                 const py::object& timeout, bool keep_errors, bool log_output);
    std::unique_ptr<Call> begin(std::string command, bool input, const py::object& timeout);
    py::str wait_for_command(std::string command, bool success, const py::object& timeout);
    void wait_for_probe(std::string command, bool success, const py::object& timeout,
                        std::vector<std::string> hint);
    void wait_for_unit(std::string unit, std::optional<std::string> user,
                       const py::object& timeout);
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
    py::list next_console_lines(const py::object& timeout);
    machine::ConsoleText next_console_text(const py::object& timeout,
                                           std::optional<machine::ConsoleMark> seen);
    void take_console_rest(machine::ConsoleMark mark);
    void add_console_lines(std::vector<std::string> lines);

    /// Waits for a coroutine of the machine, which stays alive meanwhile.
    template <class T>
    T run(asio::awaitable<T> operation, bool polling = false) {
        return block_on(hold(machine_, std::move(operation)), {idle_, polling});
    }

private:
    template <class T>
    static asio::awaitable<T> hold(std::shared_ptr<machine::Machine> /*machine*/,
                                   asio::awaitable<T> operation) {
        co_return co_await std::move(operation);
    }

    std::shared_ptr<machine::Machine> machine_;
    std::shared_ptr<Reporter> reporter_;
    py::object idle_;
};

}  // namespace charioteer::python
