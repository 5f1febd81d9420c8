#include "bind_call.hpp"

#include <pybind11/stl.h>

#include "bindings.hpp"
#include "block_on.hpp"
#include "convert.hpp"
#include "errors.hpp"

namespace charioteer::python {

namespace {

io::TimeSource& host_time() {
    return Core::instance().runtime().time();
}

/// Keeps references to the owner and the process while the operation runs.
template <class T>
asio::awaitable<T> hold(std::shared_ptr<const void> /*owner*/,
                        std::shared_ptr<machine::GuestProcess> /*process*/,
                        asio::awaitable<T> operation) {
    co_return co_await std::move(operation);
}

}  // namespace

Call::Call(std::shared_ptr<const void> owner, std::shared_ptr<machine::GuestProcess> process,
           py::object idle, TimedOutcome::TimePoint begun)
    : owner_(std::move(owner)),
      process_(std::move(process)),
      idle_(std::move(idle)),
      begun_(begun) {}

Call::~Call() {
    if (process_) Core::instance().dispose(std::move(process_));
    if (owner_) Core::instance().dispose(std::move(owner_));
}

std::uint32_t Call::pid() {
    return block_on(hold(owner_, process_, process_->pid()), {idle_});
}

std::optional<channel::Piece> Call::read(const py::object& timeout) {
    try {
        auto deadline = to_deadline(timeout, host_time());
        return block_on(hold(owner_, process_, process_->next(deadline)), {idle_});
    } catch (const io::TimeoutError& error) {
        raise_as(PyExc_TimeoutError, error);
    }
}

void Call::write(const py::bytes& data) {
    block_on(hold(owner_, process_, process_->write(data)), {idle_});
}

void Call::end_input() {
    on_io_thread([process = process_] { process->end_input(); });
}

void Call::signal(int number) {
    on_io_thread([process = process_, number] { process->signal(number); });
}

void Call::detach() {
    on_io_thread([process = process_] { process->detach(); });
}

bool Call::ended() {
    return on_io_thread([process = process_] { return process->outcome().has_value(); });
}

std::optional<TimedOutcome> Call::outcome() {
    auto outcome = on_io_thread([process = process_] { return process->outcome(); });
    if (!outcome) return std::nullopt;
    if (!ended_) ended_ = TimedOutcome::TimePoint::clock::now();
    return TimedOutcome{std::move(*outcome), begun_, *ended_};
}

void bind_call(py::module_& module) {
    py::class_<Call>(module, "Call")
        .def_property_readonly("pid", &Call::pid)
        .def_property_readonly("ended", &Call::ended)
        .def_property_readonly("outcome", &Call::outcome)
        .def("read", &Call::read, py::arg("timeout") = py::none())
        .def("write", &Call::write, py::arg("data"))
        .def("end_input", &Call::end_input)
        .def("signal", &Call::signal, py::arg("number"))
        .def("detach", &Call::detach);
}

}  // namespace charioteer::python
