#pragma once

#include <string>

#include "io/event.hpp"

namespace charioteer::report {

/// A report file of a run. Any thread; blocks only for the duration of another thread's write.
class Report {
public:
    virtual ~Report() = default;
    /// Adds a message of the core.
    virtual void take(const io::Event& event) = 0;
    /// Completes the file of a run that ends for `reason` and not by the end of the script; nothing
    /// is written later. Never throws, because the process ends.
    virtual void finish(const std::string& reason) noexcept = 0;
};

}  // namespace charioteer::report
