#include "machine_handle.hpp"

#include <fmt/format.h>

#include <boost/asio/detached.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>

#include "bindings.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "io/printable.hpp"
#include "machine/copy_steps.hpp"
#include "machine/reseed.hpp"

namespace charioteer::python {

namespace {

namespace json = boost::json;

io::TimeSource& host_time() {
    return Core::instance().runtime().time();
}

}  // namespace

machine::StartOptions start_options() {
    machine::StartOptions options;
    options.environment = process::own_environment();
    options.graphical =
        std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr;
    return options;
}

MachineHandle::MachineHandle(std::string name, std::string start_command,
                             std::string state_directory, std::string shared_directory,
                             const std::shared_ptr<Reporter>& reporter, py::object idle,
                             bool keep_state)
    : GuestHandle(std::move(idle)), reporter_(reporter) {
    machine::MachineConfig config;
    config.name = std::move(name);
    config.start_command = std::move(start_command);
    config.state_directory = std::move(state_directory);
    config.shared_directory = std::move(shared_directory);
    config.keep_state = keep_state;
    expect_core();
    auto& host = Core::instance().host();
    Unlocked unlocked;
    machine_ = std::make_shared<machine::Machine>(std::move(config), host, sink_of(reporter));
    take({machine_, &machine_->parts()});
}

MachineHandle::~MachineHandle() {
    Core::instance().post([machine = std::move(machine_)]() mutable {
        auto executor = Core::instance().runtime().executor();
        auto released = machine->release();
        asio::co_spawn(executor, hold(std::move(machine), std::move(released)), asio::detached);
    });
}

std::optional<Process> MachineHandle::process() const {
    auto child = on_io_thread([machine = machine_] { return machine->process(); });
    if (!child) return std::nullopt;
    return std::optional<Process>(std::in_place, std::move(child));
}

std::optional<pid_t> MachineHandle::pid() const {
    if (!machine_->booted) return std::nullopt;
    auto child = process();
    if (!child) return std::nullopt;
    return child->pid();
}

void MachineHandle::start(machine::StartOptions options) {
    {
        Unlocked unlocked;
        machine_->claim_directory();
    }
    run(machine_->start(std::move(options)));
}

void MachineHandle::reseed() {
    run(machine::reseed(parts().context, parts().agent));
}

// QEMU runs in the state directory.
void MachineHandle::save_state(const std::string& file) {
    run(parts().saver->save(std::filesystem::absolute(file)));
}

void MachineHandle::load_state(const std::string& file, machine::StartOptions options) {
    {
        Unlocked unlocked;
        machine_->claim_directory();
    }
    run(machine_->load_state(std::filesystem::absolute(file), std::move(options)));
}

void MachineHandle::connect() {
    run(machine_->connect(start_options()));
}

void MachineHandle::wait_for_shutdown(const py::object& timeout) {
    try {
        run(machine_->wait_for_shutdown(to_deadline(timeout, host_time())));
    } catch (const io::TimeoutError& error) {
        raise_timeout_expired(py::str(machine_->config().start_command), timeout, error);
    }
}

void MachineHandle::release() {
    block_on(hold(machine_, machine_->release()));
}

py::tuple MachineHandle::execute(std::string command, bool check_return, bool check_output,
                                 const py::object& timeout, bool log_output) {
    command::Command request{.text = std::move(command),
                             .want_status = check_return,
                             .want_output = check_output,
                             .log_output = log_output};
    if (!timeout.is_none()) request.limit = to_limit(timeout);
    auto outcome = run(parts().runner->run(std::move(request)));
    return py::make_tuple(outcome.status, to_text(outcome.output));
}

py::tuple MachineHandle::append_by_shell(const py::bytes& content, std::string file) {
    auto deadline = host_time().deadline_after(machine::copy_step_limit);
    auto outcome = run(parts().guest_runner->shell().append(content, std::move(file), deadline));
    return py::make_tuple(outcome.status, to_text(outcome.output));
}

int MachineHandle::attach_shell() {
    return run(parts().guest_runner->shell().lend()).release();
}

py::str MachineHandle::monitor_command(std::string command) {
    auto output = run(parts().monitor->human(command));
    return to_text(fmt::format("{}\r\n{}(qemu) ", command, output));
}

py::str MachineHandle::qmp(std::string command, const std::string& arguments) {
    boost::system::error_code failure;
    auto parsed = json::parse(arguments, failure);
    if (failure || !parsed.is_object())
        throw py::value_error("QMP arguments must be a JSON object, not " + arguments);
    try {
        json::object reply;
        reply["return"] =
            run(parts().monitor->qmp(std::move(command), std::move(parsed.get_object())));
        return to_text(json::serialize(reply));
    } catch (const qmp::CommandError& error) {
        raise_qmp_error(error);
    }
}

py::str MachineHandle::next_qmp_event(const py::object& timeout) {
    if (!machine_->booted) throw std::runtime_error("QMP API is not ready yet, is the VM ready?");
    try {
        return to_text(json::serialize(
            run(parts().monitor->next_event(to_deadline(timeout, host_time())), true)));
    } catch (const io::TimeoutError& error) {
        raise_as(PyExc_TimeoutError, error);
    }
}

void MachineHandle::send_key(const std::string& key) {
    auto answer = run(parts().keyboard->press(key));
    // Not an error: QEMU 10 rejects keys that earlier versions ignored.
    if (!answer.empty())
        reporter_->take({io::EventKind::warning, machine_->name(),
                         fmt::format("sending key {}: {}", key, answer)});
}

void MachineHandle::set_link(const std::string& device, bool up) {
    json::object arguments{{"name", device}, {"up", up}};
    run(parts().monitor->qmp("set_link", std::move(arguments)));
}

void MachineHandle::forward_port(int host_port, int guest_port) {
    auto answer =
        run(parts().monitor->human(fmt::format("hostfwd_add tcp::{}-:{}", host_port, guest_port)));
    if (!answer.empty())
        throw io::Error(fmt::format("{}: cannot forward port {} to {}: {}", machine_->name(),
                                    host_port, guest_port, answer));
}

ScreenReading MachineHandle::read_screen(std::size_t variants, const py::object& timeout) {
    auto deadline = io::Deadline::never();
    if (!timeout.is_none())
        deadline = host_time().deadline_after(to_limit(timeout).duration + command::grace);
    return ScreenReading(run(parts().screen->picture(deadline)), variants, idle());
}

py::str MachineHandle::console_log() {
    return to_text(on_io_thread([console = console()] { return console->text(); }));
}

py::list MachineHandle::console_tail(std::size_t count) {
    auto last = on_io_thread([console = console(), count] { return console->last_lines(count); });
    py::list lines;
    for (const auto& line : last) lines.append(to_text(io::printable(line, io::Colours::drop)));
    return lines;
}

machine::ConsoleState MachineHandle::console_state() {
    return on_io_thread([console = console()] { return console->state(); });
}

void MachineHandle::restore_console(std::vector<std::string> lines, std::size_t taken) {
    machine::ConsoleState state{std::move(lines), taken};
    on_io_thread([console = console(), state] { console->restore(state); });
}

py::list MachineHandle::next_console_lines(const py::object& timeout) {
    try {
        py::list lines;
        auto taken = run(console()->next_lines(to_deadline(timeout, host_time())), true);
        for (const auto& line : taken) lines.append(to_text(line));
        return lines;
    } catch (const io::TimeoutError& error) {
        raise_as(PyExc_TimeoutError, error);
    }
}

machine::ConsoleText MachineHandle::next_console_text(const py::object& timeout,
                                                      std::optional<machine::ConsoleMark> seen) {
    try {
        auto deadline = to_deadline(timeout, host_time());
        return run(console()->next_text(seen.value_or(machine::ConsoleMark()), deadline), true);
    } catch (const io::TimeoutError& error) {
        raise_as(PyExc_TimeoutError, error);
    }
}

void MachineHandle::consume_console_rest(machine::ConsoleMark mark) {
    on_io_thread([console = console(), mark] { console->consume_rest(mark); });
}

}  // namespace charioteer::python
