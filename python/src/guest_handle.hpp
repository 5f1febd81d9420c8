#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bind_call.hpp"
#include "block_on.hpp"
#include "machine/guest_parts.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// The common part of the Python objects of virtual machines and containers. Every method is called
/// with the interpreter lock and releases it while it waits.
class GuestHandle {
public:
    GuestHandle(const GuestHandle&) = delete;
    GuestHandle& operator=(const GuestHandle&) = delete;
    ~GuestHandle();

    TimedOutcome run_command(std::string command, const py::object& input,
                             const py::object& timeout, bool keep_errors, bool log_output);
    std::unique_ptr<Call> begin(std::string command, bool input, const py::object& timeout);
    py::str wait_for_command(std::string command, bool success, const py::object& timeout);
    void wait_for_probe(std::string command, bool success, const py::object& timeout,
                        std::vector<std::string> hint);
    void wait_for_unit(std::string unit, std::optional<std::string> user,
                       const py::object& timeout);
    void copy_in(std::string source, std::string target);
    void copy_out(std::string source, std::string target);
    void add_console_lines(std::vector<std::string> lines);

    /// Waits for a coroutine of the guest, to which it keeps a reference meanwhile.
    template <class T>
    T run(asio::awaitable<T> operation, bool polling = false) {
        return block_on(hold(guest_, std::move(operation)), {idle_, polling});
    }

protected:
    explicit GuestHandle(py::object idle) : idle_(std::move(idle)) {}
    /// To be called once; `guest` has a reference to its owner.
    void take(std::shared_ptr<const machine::GuestParts> guest) { guest_ = std::move(guest); }
    const py::object& idle() const noexcept { return idle_; }

    template <class T>
    static asio::awaitable<T> hold(std::shared_ptr<const void> /*owner*/,
                                   asio::awaitable<T> operation) {
        co_return co_await std::move(operation);
    }

private:
    std::shared_ptr<const machine::GuestParts> guest_;
    py::object idle_;
};

}  // namespace charioteer::python
