#pragma once

#include <optional>
#include <string>

#include "systemd/message.hpp"

namespace charioteer::systemd {

/// A change of a unit that the manager has signalled.
struct UnitChange {
    std::string unit;    ///< its full name, "web.service"
    std::string active;  ///< ActiveState: "active", "failed", "activating", ...
    std::string sub;     ///< SubState: "running", "auto-restart", ...; empty if it was not sent
};

/// The change that the rest of a PropertiesChanged signal describes, after its first string, which
/// was the interface of units; none if the state of the unit is not among the properties, or the
/// object's path is not that of a unit. Throws MalformedMessage.
std::optional<UnitChange> read_unit_change(Message& signal);

}  // namespace charioteer::systemd
