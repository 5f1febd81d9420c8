#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "vlan/capture/capture_file.hpp"

namespace charioteer::python {

/// The Python object of a capture, which goes on without it until the end of the VLAN.
class CaptureHandle {
public:
    explicit CaptureHandle(std::shared_ptr<vlan::capture::CaptureFile> file);
    CaptureHandle(CaptureHandle&&) = default;
    CaptureHandle& operator=(CaptureHandle&&) = delete;
    ~CaptureHandle();

    /// Needs the interpreter lock, and releases it meanwhile.
    std::string stop(const pybind11::object& limit);

private:
    std::shared_ptr<vlan::capture::CaptureFile> file_;
};

void bind_capture(pybind11::module_& module);

}  // namespace charioteer::python
