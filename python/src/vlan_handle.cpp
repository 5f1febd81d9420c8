#include "vlan_handle.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "block_on.hpp"
#include "convert.hpp"
#include "errors.hpp"

namespace charioteer::python {

namespace {

/// For the thread of a VLAN to answer, which takes milliseconds on an idle host.
constexpr auto answer_limit = std::chrono::seconds(20);

io::Deadline answer_deadline() {
    return Core::instance().runtime().time().deadline_after(answer_limit);
}

vlan::Address address_of(const std::string& text) {
    std::array<unsigned, 6> bytes{};
    int end = 0;
    int number = std::sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1],
                             &bytes[2], &bytes[3], &bytes[4], &bytes[5], &end);
    if (number != 6 || static_cast<std::size_t>(end) != text.size())
        throw io::UsageError(fmt::format("'{}' is not an Ethernet address", text));
    vlan::Address address = 0;
    for (auto byte : bytes) address = address << 8 | byte;
    return address;
}

io::UniqueFd duplicate(int descriptor) {
    io::UniqueFd copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    if (!copy) throw io::system_error("an end of a trunk cannot be used", errno);
    return copy;
}

}  // namespace

VlanHandle::VlanHandle(int number, const std::string& directory,
                       const std::shared_ptr<Reporter>& reporter, const std::string& tap)
    : number_(number) {
    expect_core();
    auto& host = *Core::instance().host();
    Unlocked unlocked;
    network_ = std::make_shared<session::Network>(number, directory, host, sink_of(reporter),
                                                  vlan::VlanSettings{tap});
}

VlanHandle::~VlanHandle() {
    // Leaked in a forked child: its thread does not exist there and cannot be joined.
    if (Core::instance().is_foreign()) new auto(std::move(network_));
}

// On the io thread, on which the session stops it too.
void VlanHandle::stop(vlan::StopLimits limits) {
    on_io_thread([network = network_, limits] { network->stop(limits); });
}

py::dict VlanHandle::counters() const {
    py::dict counters;
    for (const auto& [name, count] : network_->vlan().counters().named())
        counters[py::str(std::string(name))] = count;
    return counters;
}

std::vector<std::string> VlanHandle::plugs() const {
    expect_core();
    auto deadline = answer_deadline();
    Unlocked unlocked;
    std::vector<std::string> names;
    for (auto& plug : network_->vlan().plugs(deadline)) names.push_back(std::move(plug.name));
    return names;
}

void VlanHandle::keep_frames() {
    network_->vlan().keep_frames();
}

void VlanHandle::write_last_frames(int fd, std::string comment) {
    io::UniqueFd file(fd);
    Unlocked unlocked;
    network_->vlan().write_last_frames(std::move(file), std::move(comment));
}

CaptureHandle VlanHandle::capture(int fd, std::string comment) {
    io::UniqueFd file(fd);
    expect_core();
    Unlocked unlocked;
    return CaptureHandle(network_->vlan().capture(std::move(file), std::move(comment)));
}

void VlanHandle::add_fault(vlan::fault::Spec spec) {
    expect_core();
    spec.seed = vlan::fault::derived_seed(spec.seed, {fmt::format("vlan{}", number_)});
    auto deadline = answer_deadline();
    Unlocked unlocked;
    network_->vlan().add_fault(std::move(spec), deadline);
}

void VlanHandle::remove_fault(std::string name) {
    expect_core();
    auto deadline = answer_deadline();
    Unlocked unlocked;
    network_->vlan().remove_fault(std::move(name), deadline);
}

void VlanHandle::name_address(const std::string& address, std::string machine) {
    expect_core();
    auto value = address_of(address);
    auto deadline = answer_deadline();
    Unlocked unlocked;
    network_->vlan().name_address(value, std::move(machine), deadline);
}

std::shared_ptr<vlan::Trunk> VlanHandle::join(int input, int output, const std::string& host) {
    expect_core();
    vlan::TrunkEnds ends{duplicate(input), {}, host};
    if (output >= 0) ends.output = duplicate(output);
    auto deadline = answer_deadline();
    Unlocked unlocked;
    return network_->vlan().join(std::move(ends), deadline);
}

void VlanHandle::end_trunk(const std::shared_ptr<vlan::Trunk>& trunk) {
    expect_core();
    auto deadline = answer_deadline();
    Unlocked unlocked;
    network_->vlan().end_trunk(trunk, deadline);
}

}  // namespace charioteer::python
