#pragma once

#include <functional>
#include <string>

namespace charioteer::io {

/// What the core tells the outside while it works.
enum class EventKind {
    log,       ///< a plain line for the log
    warning,   ///< something the user should look at
    serial,    ///< one line of a guest's serial console, without its line end
    progress,  ///< how far something has come, for a terminal only; empty when it is over
};

/// One such message. `text` is bytes as they came: a guest may send anything.
struct Event {
    EventKind kind = EventKind::log;
    std::string machine;  ///< empty: the message is not about one machine
    std::string text;
};

/// Receives events. Called from the io thread, the threads of VLANs and callers' threads: it must
/// be thread-safe, quick, and must not throw.
using EventSink = std::function<void(const Event&)>;

}  // namespace charioteer::io
