#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace charioteer::io {

/// The kinds of messages that the core reports.
enum class EventKind {
    log,       ///< a plain line for the log
    warning,   ///< something the user should look at
    serial,    ///< one line of a guest's serial console, without its line end
    progress,  ///< progress of an operation, for terminals only; empty at its end
    state,     ///< something has changed, not in the log; `text` is one word for it, as "start"
    traffic,   ///< what passed through a VLAN, for traces only; `text` is its number
};

/// One message. `text` is not validated: it may contain arbitrary bytes of a guest.
struct Event {
    EventKind kind = EventKind::log;
    std::string machine;  ///< empty: the message is not about one machine
    std::string text;
    /// Of a change of state, or the numbers of `traffic`.
    std::vector<std::pair<std::string, std::string>> details = {};
};

/// Receives events. Called by the io thread, the threads of VLANs and callers' threads: it must be
/// thread-safe and fast, and must not throw.
using EventSink = std::function<void(const Event&)>;

}  // namespace charioteer::io
