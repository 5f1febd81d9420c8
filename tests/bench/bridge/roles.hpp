#pragma once

#include <string>

namespace bench {

/// The task of a worker process at its plug.
struct Role {
    std::string name;       ///< send, receive, discard, echo or ping
    std::string kind;       ///< of the plug
    std::string address;    ///< of the switch
    std::size_t size = 64;  ///< of the frames, in bytes
};

/// Runs the role; prints one line when attached, and one with the result if there is one. The roles
/// send, discard and echo are ended by a signal. Throws std::runtime_error.
void play(const Role& role);

}  // namespace bench
