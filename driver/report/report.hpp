#pragma once

#include <string>

#include "io/event.hpp"

namespace charioteer::report {

/// A file about a run. Any thread; never waits for another but for the length of a write.
class Report {
public:
    virtual ~Report() = default;
    /// Adds what the core logged.
    virtual void take(const io::Event& event) = 0;
    /// Writes what is still to be written, of a run that ended for `reason` without the script's
    /// own end; nothing is written later. Never throws: there is nothing left that could handle it.
    virtual void finish(const std::string& reason) noexcept = 0;
};

}  // namespace charioteer::report
