#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>

#include "process/child.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// A program, with the interface of subprocess.Popen. Created on any thread; not for the io thread.
class Process {
public:
    explicit Process(std::shared_ptr<process::Child> child);
    Process(Process&&) = default;
    Process& operator=(Process&&) = delete;
    ~Process();

    pid_t pid() const noexcept { return pid_; }
    std::optional<int> poll() const;
    int wait(const py::object& timeout) const;
    /// The last 8 KiB of its output.
    py::str last_output() const;
    void send_signal(int number) const;

private:
    std::shared_ptr<process::Child> child_;
    pid_t pid_;
};

}  // namespace charioteer::python
