#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "io/event.hpp"
#include "io/time_source.hpp"
#include "systemd/unit_change.hpp"

namespace charioteer::machine {

/// Reports changes of a guest's units as events of kind `state`. The guest determines how many
/// there are: at most 200 at once and 20 a second after that are reported, and the next one has the
/// number of those that were not. Io thread only.
class UnitChanges {
public:
    UnitChanges(std::string machine, io::TimeSource& time, io::EventSink sink);

    /// Reports the change, unless the unit was in that state before. `user`: whose service manager
    /// has sent it; empty for that of the system.
    void take(const systemd::UnitChange& change, const std::string& user);
    /// Forgets the states of all units, of a guest that has rebooted.
    void forget() { states_.clear(); }

private:
    bool may_report();

    std::string machine_;
    io::TimeSource& time_;
    io::EventSink sink_;
    /// ActiveState and SubState, by user and unit.
    std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>> states_;
    double allowed_;  ///< how many changes may be reported at once, as of `counted_`
    io::TimePoint counted_;
    std::size_t left_out_ = 0;
};

}  // namespace charioteer::machine
