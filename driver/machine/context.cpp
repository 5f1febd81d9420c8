#include "machine/context.hpp"

#include <fmt/format.h>

#include "io/line_splitter.hpp"
#include "io/printable.hpp"

namespace charioteer::machine {

namespace {

constexpr std::size_t longest_line = 64 * 1024;

}  // namespace

Context::Context(MachineConfig config, std::shared_ptr<Host> host, io::EventSink sink)
    : config_(std::move(config)), host_(std::move(host)), sink_(std::move(sink)) {
    auto log_line = [sink = sink_, name = config_.name](const std::string& line) {
        sink({io::EventKind::serial, name, line});
        if (is_panic(line)) sink({io::EventKind::state, name, "panic", {{"line", line}}});
    };
    // Its processors are the host's.
    if (config_.is_container) accelerator_.accelerator = Accelerator::kvm;
    console_ = Console::make(host_->executor(), host_->time(), log_line);
}

const std::shared_ptr<Qemu>& Context::running_qemu() const {
    if (!qemu_) throw NotRunning(fmt::format("{} is not running: start it first", name()));
    return qemu_;
}

io::Deadline Context::deadline_after(io::Duration limit) const {
    return time().deadline_after(limit * accelerator_.limit_factor());
}

void Context::log(std::string text) const {
    sink_({io::EventKind::log, config_.name, std::move(text)});
}

void Context::log_output(std::string_view output) const {
    io::LineSplitter lines(longest_line);
    lines.feed(output);
    while (auto line = lines.next()) log("| " + io::printable(*line, io::Colours::drop));
    if (!lines.rest().empty()) log("| " + io::printable(lines.rest(), io::Colours::drop));
}

void Context::warn(std::string text) const {
    sink_({io::EventKind::warning, config_.name, std::move(text)});
}

}  // namespace charioteer::machine
