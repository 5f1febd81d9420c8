#include "machine/accelerator.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "io/error.hpp"
#include "io/unique_fd.hpp"
#include "process/child.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// True for processors without this line: other families do not list virtualisation here.
bool may_virtualise(std::string_view cpuinfo) {
    auto flags = cpuinfo.find("\nflags");
    if (flags == std::string_view::npos) return true;
    std::istringstream words(
        std::string(cpuinfo.substr(flags, cpuinfo.find('\n', flags + 1) - flags)));
    for (std::string word; words >> word;)
        if (word == "vmx" || word == "svm") return true;
    return false;
}

AcceleratorChoice tcg_because(std::string reason) {
    return {Accelerator::tcg, false, std::move(reason)};
}

asio::awaitable<AcceleratorChoice> try_kvm(io::TimeSource& time) {
    process::ProcessSpec spec;
    spec.arguments = {process::guard_program().string(), "probe-kvm"};
    auto probe = co_await process::Child::spawn(std::move(spec), {}, time);
    std::optional<process::ExitStatus> status;
    try {
        status = co_await probe->wait(time.deadline_after(2s));
    } catch (const io::TimeoutError&) {
        // The process is left running: no signal ends it while it hangs in the kernel.
        probe->kill();
    }
    if (!status || status->signal != 0)
        co_return tcg_because("/dev/kvm is there, but a tiny guest hangs under it");
    if (status->code == 0)
        co_return AcceleratorChoice{Accelerator::kvm, false, "a tiny guest ran under /dev/kvm"};
    std::string output(probe->last_output());
    output.resize(output.find_last_not_of('\n') + 1);
    co_return tcg_because(fmt::format("/dev/kvm does not work ({})", output));
}

}  // namespace

std::string AcceleratorChoice::describe() const {
    if (accelerator == Accelerator::kvm) return fmt::format("machines run under KVM: {}", reason);
    return fmt::format("machines run under TCG, QEMU's emulation, which is slow: {}", reason);
}

std::optional<AcceleratorChoice> decide_accelerator(std::string_view wanted,
                                                    std::string_view cpuinfo,
                                                    bool kvm_device_opens) {
    if (wanted == "kvm") return AcceleratorChoice{Accelerator::kvm, true, "CHARIOTEER_ACCEL=kvm"};
    if (wanted == "tcg") return AcceleratorChoice{Accelerator::tcg, true, "CHARIOTEER_ACCEL=tcg"};
    if (!wanted.empty() && wanted != "auto")
        throw io::UsageError(fmt::format(
            "the environment variable CHARIOTEER_ACCEL is {}; it must be kvm, tcg or auto",
            wanted));
    if (!kvm_device_opens) return tcg_because("/dev/kvm cannot be opened");
    if (!may_virtualise(cpuinfo))
        return tcg_because(
            "/dev/kvm opens, but /proc/cpuinfo shows neither vmx nor svm, so guests would hang");
    return std::nullopt;
}

asio::awaitable<AcceleratorChoice> choose_accelerator(std::string wanted, files::Disk& disk,
                                                      io::TimeSource& time,
                                                      AcceleratorFiles files) {
    auto decide = [wanted = std::move(wanted), files = std::move(files)] {
        io::UniqueFd device(::open(files.kvm_device.c_str(), O_RDWR | O_CLOEXEC));
        return decide_accelerator(wanted, read_file(files.cpuinfo), bool(device));
    };
    auto decided = co_await disk.run(std::move(decide));
    if (decided) co_return *decided;
    co_return co_await try_kvm(time);
}

}  // namespace charioteer::machine
