#include "guest_handle.hpp"

#include "convert.hpp"
#include "errors.hpp"
#include "files/tree_writer.hpp"

namespace charioteer::python {

// Its sockets belong to the io thread.
GuestHandle::~GuestHandle() {
    Core::instance().dispose(std::move(guest_));
}

TimedOutcome GuestHandle::run_command(std::string command, const py::object& input,
                                      const py::object& timeout, bool keep_errors,
                                      bool log_output) {
    command::Command request{
        .text = std::move(command), .all_errors = keep_errors, .log_output = log_output};
    if (!input.is_none()) request.input = std::string(py::bytes(input));
    if (!timeout.is_none()) request.limit = to_limit(timeout);
    auto begun = TimedOutcome::TimePoint::clock::now();
    auto outcome = run(guest_->runner->run(std::move(request)));
    return {std::move(outcome), begun, TimedOutcome::TimePoint::clock::now()};
}

std::unique_ptr<Call> GuestHandle::begin(std::string command, bool input,
                                         const py::object& timeout) {
    command::Command request{.text = std::move(command), .stream_input = input};
    if (!timeout.is_none()) request.limit = to_limit(timeout);
    auto begun = TimedOutcome::TimePoint::clock::now();
    auto process = machine::GuestProcess::begin(guest_->context, guest_->agent, std::move(request));
    return std::make_unique<Call>(guest_, run(std::move(process)), idle_, begun);
}

py::str GuestHandle::wait_for_command(std::string command, bool success,
                                      const py::object& timeout) {
    machine::CommandWait wait{std::move(command), success, to_limit(timeout)};
    return to_text(run(guest_->waiter->wait(std::move(wait)), true));
}

void GuestHandle::wait_for_probe(std::string command, bool success, const py::object& timeout,
                                 std::vector<std::string> hint) {
    machine::CommandWait wait{std::move(command), success, to_limit(timeout),
                              machine::CommandWait::Kind::probe, std::move(hint)};
    run(guest_->waiter->wait(std::move(wait)), true);
}

void GuestHandle::wait_for_unit(std::string unit, std::optional<std::string> user,
                                const py::object& timeout) {
    auto limit = to_limit(timeout);
    run(guest_->units->wait_until_active(std::move(unit), std::move(user), std::move(limit)), true);
}

void GuestHandle::add_console_lines(std::vector<std::string> lines) {
    on_io_thread([console = guest_->context->console(), added = std::move(lines)]() mutable {
        for (auto& line : added) console->add_line(std::move(line));
    });
}

void GuestHandle::copy_in(std::string source, std::string target) {
    run(guest_->copier->copy_in(std::move(source), std::move(target)));
}

void GuestHandle::copy_out(std::string source, std::string target) {
    try {
        run(guest_->copier->copy_out(std::move(source), std::move(target)));
    } catch (const files::TargetExists& error) {
        raise_as(PyExc_FileExistsError, error);
    }
}

}  // namespace charioteer::python
