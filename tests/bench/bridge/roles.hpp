#pragma once

#include <string>

namespace bench {

/// What one worker process does at its plug.
struct Role {
    std::string name;       ///< send, receive, discard, echo or ping
    std::string kind;       ///< of plug
    std::string address;    ///< of the switch
    std::size_t size = 64;  ///< of the frames, in bytes
};

/// Plays the role; prints one line when attached, and one with the figure when there is one. The
/// roles send, discard and echo end by signal. Throws std::runtime_error.
void play(const Role& role);

}  // namespace bench
