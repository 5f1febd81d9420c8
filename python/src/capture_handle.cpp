#include "capture_handle.hpp"

#include <chrono>
#include <utility>

#include "block_on.hpp"
#include "core.hpp"
#include "interpreter_lock.hpp"

namespace charioteer::python {

namespace {

/// For the disk to take the last frames: at most the ring of 16 MiB.
constexpr auto disk_limit = std::chrono::seconds(60);

}  // namespace

CaptureHandle::CaptureHandle(std::shared_ptr<vlan::capture::CaptureFile> file)
    : file_(std::move(file)) {}

CaptureHandle::~CaptureHandle() {
    // Leaked in a forked child: its thread does not exist there and cannot be joined.
    if (file_ && Core::instance().is_foreign()) new auto(std::move(file_));
}

std::string CaptureHandle::stop() {
    expect_core();
    Unlocked unlocked;
    return file_->stop(disk_limit);
}

void bind_capture(pybind11::module_& module) {
    pybind11::class_<CaptureHandle>(module, "Capture").def("stop", &CaptureHandle::stop);
}

}  // namespace charioteer::python
