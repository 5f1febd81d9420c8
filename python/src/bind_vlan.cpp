#include <fmt/format.h>
#include <pybind11/stl.h>

#include <array>

#include "bindings.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "interpreter_lock.hpp"
#include "vlan_handle.hpp"

namespace charioteer::python {

namespace {

namespace fault = vlan::fault;

using Values = std::map<std::string, double>;
using FaultCounts = std::shared_ptr<fault::LiveFaultCounts>;

io::Duration duration(double seconds) {
    return std::chrono::duration_cast<io::Duration>(std::chrono::duration<double>(seconds));
}

/// Python has checked the values. Throws std::out_of_range for a missing one.
fault::Kind kind_of(const std::string& kind, const Values& values) {
    auto value = [&](const char* name) { return values.at(name); };
    if (kind == "cut") return fault::Cut{};
    if (kind == "lose") return fault::Lose{value("probability"), value("correlation")};
    if (kind == "slow") return fault::Slow{duration(value("delay")), duration(value("jitter"))};
    if (kind == "duplicate") return fault::Duplicate{value("probability")};
    if (kind == "reorder") return fault::Reorder{value("probability"), duration(value("delay"))};
    if (kind == "corrupt") return fault::Corrupt{value("probability")};
    if (kind == "rate") return fault::Rate{value("rate")};
    if (kind == "hold") return fault::Hold{};
    throw io::UsageError(fmt::format("there is no kind of fault called '{}'", kind));
}

FaultCounts add_fault(VlanHandle& vlan, const std::string& name, const std::string& kind,
                      const Values& values, std::vector<std::pair<std::string, std::string>> links,
                      const std::string& match, std::uint64_t seed, const std::string& origin) {
    fault::Spec spec;
    spec.name = name;
    spec.links = std::move(links);
    spec.seed = seed;
    spec.origin = origin;
    auto counts = spec.counts;
    try {
        spec.kind = kind_of(kind, values);
        if (!match.empty()) {
            Unlocked unlocked;
            spec.filter = std::make_shared<fault::Filter>(match);
        }
        vlan.add_fault(std::move(spec));
    } catch (const io::UsageError& error) {
        raise_as(PyExc_ValueError, error);
    }
    return counts;
}

py::dict named(const fault::LiveFaultCounts& counts) {
    py::dict result;
    for (const auto& [name, number] : fault::named_counts(counts)) result[py::str(name)] = number;
    return result;
}

std::shared_ptr<vlan::Trunk> join(VlanHandle& vlan, int input, int output,
                                  const std::string& host) {
    try {
        return vlan.join(input, output, host);
    } catch (const io::UsageError& error) {
        raise_as(PyExc_ValueError, error);
    }
}

std::string state_name(vlan::Trunk::State state) {
    constexpr std::array names{"waiting", "joined", "ended"};
    return names.at(static_cast<std::size_t>(state));
}

/// True once it has joined or ended.
bool await_join(const vlan::Trunk& trunk, double seconds) {
    Unlocked unlocked;
    return trunk.wait(vlan::Trunk::State::joined, duration(seconds)) != vlan::Trunk::State::waiting;
}

}  // namespace

void bind_vlan(py::module_& module) {
    bind_capture(module);
    py::class_<fault::LiveFaultCounts, FaultCounts>(module, "FaultCounts").def("named", &named);
    py::class_<vlan::Trunk, std::shared_ptr<vlan::Trunk>>(module, "Trunk")
        .def_property_readonly("state",
                               [](const vlan::Trunk& self) { return state_name(self.state()); })
        .def_property_readonly("reason", &vlan::Trunk::reason)
        .def("await_join", &await_join, py::arg("seconds"));
    py::class_<VlanHandle>(module, "VLan")
        .def(py::init<int, const std::string&, const std::shared_ptr<Reporter>&,
                      const std::string&>(),
             py::arg("nr"), py::arg("tmp_dir"), py::arg("reporter"), py::arg("tap") = "")
        .def_property_readonly("nr", &VlanHandle::number)
        .def_property_readonly("socket_dir",
                               [](const VlanHandle& self) {
                                   return self.network()->vlan().control_directory().string();
                               })
        .def_property_readonly(
            "stream_socket",
            [](const VlanHandle& self) { return self.network()->vlan().stream_path().string(); })
        .def("counters", &VlanHandle::counters)
        .def("plugs", &VlanHandle::plugs)
        .def("keep_frames", &VlanHandle::keep_frames)
        .def("write_last_frames", &VlanHandle::write_last_frames, py::arg("fd"), py::arg("comment"))
        .def("capture", &VlanHandle::capture, py::arg("fd"), py::arg("comment"))
        .def("add_fault", &add_fault, py::arg("name"), py::arg("kind"), py::arg("values"),
             py::arg("links"), py::arg("match"), py::arg("seed"), py::arg("origin"))
        .def("remove_fault", &VlanHandle::remove_fault, py::arg("name"))
        .def("name_address", &VlanHandle::name_address, py::arg("address"), py::arg("machine"))
        .def("join", &join, py::arg("input"), py::arg("output"), py::arg("host"))
        .def("end_trunk", &VlanHandle::end_trunk, py::arg("trunk"))
        .def(
            "stop",
            [](VlanHandle& self, const py::object& clients, const py::object& disks) {
                self.stop({to_limit(clients).duration, to_limit(disks).duration});
            },
            py::arg("clients") = 0, py::arg("disks") = 0);
}

}  // namespace charioteer::python
