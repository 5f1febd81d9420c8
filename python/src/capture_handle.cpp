#include "capture_handle.hpp"

#include <utility>

#include "block_on.hpp"
#include "convert.hpp"
#include "core.hpp"
#include "interpreter_lock.hpp"

namespace charioteer::python {

CaptureHandle::CaptureHandle(std::shared_ptr<vlan::capture::CaptureFile> file)
    : file_(std::move(file)) {}

CaptureHandle::~CaptureHandle() {
    // Leaked in a forked child: its thread does not exist there and cannot be joined.
    if (file_ && Core::instance().is_foreign()) new auto(std::move(file_));
}

std::string CaptureHandle::stop(const pybind11::object& limit) {
    expect_core();
    auto duration = to_limit(limit).duration;
    Unlocked unlocked;
    return file_->stop(duration);
}

void bind_capture(pybind11::module_& module) {
    pybind11::class_<CaptureHandle>(module, "Capture")
        .def("stop", &CaptureHandle::stop, pybind11::arg("limit"));
}

}  // namespace charioteer::python
