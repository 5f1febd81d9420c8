#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "io/deadline.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::vlan {

/// The two directions of a stream of bytes to the other side of a trunk.
struct TrunkEnds {
    io::UniqueFd input;   ///< to read from: a socket, a pipe or a terminal
    io::UniqueFd output;  ///< to write to; none: `input`, which is a socket
    std::string host;     ///< what is at the other end, for names and messages; not empty
};

/// What is known of a trunk. Any thread.
class Trunk {
public:
    enum class State {
        waiting,  ///< the other side has not introduced itself yet
        joined,
        ended,
    };

    explicit Trunk(std::string host) : host_(std::move(host)) {}

    const std::string& host() const noexcept { return host_; }
    State state() const;
    /// Why it has ended: "it was closed by the other side"; empty while it has not.
    std::string reason() const;
    /// Returns when the state is `state` or a later one, or after `limit`.
    State wait(State state, io::Duration limit) const;

    /// For the segment. Only the first end() has an effect.
    void join();
    void end(std::string reason);

private:
    std::string host_;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    State state_ = State::waiting;
    std::string reason_;
};

}  // namespace charioteer::vlan
