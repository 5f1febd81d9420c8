#include "systemd/unit_change.hpp"

#include <cstdlib>
#include <memory>

namespace charioteer::systemd {

namespace {

constexpr auto units_path = "/org/freedesktop/systemd1/unit";

struct Free {
    void operator()(char* text) const noexcept { std::free(text); }
};

/// The name of the unit with this object path; empty if it is no unit.
std::string name_of(const std::string& path) {
    char* name = nullptr;
    if (sd_bus_path_decode(path.c_str(), units_path, &name) <= 0) return {};
    std::unique_ptr<char, Free> owner(name);
    return name;
}

}  // namespace

std::optional<UnitChange> read_unit_change(Message& signal) {
    UnitChange change;
    signal.enter_array("{sv}");
    while (!signal.at_end()) {
        signal.enter_entry("sv");
        auto name = signal.read_string();
        if (name == "ActiveState")
            change.active = signal.read_string_in_variant();
        else if (name == "SubState")
            change.sub = signal.read_string_in_variant();
        else
            signal.skip("v");
        signal.leave();
    }
    change.unit = name_of(std::string(signal.path()));
    if (change.unit.empty() || change.active.empty()) return std::nullopt;
    return change;
}

}  // namespace charioteer::systemd
