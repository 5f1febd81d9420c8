#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/unique_fd.hpp"
#include "vlan/capture/follower.hpp"

namespace charioteer::vlan::capture {

/// One client of a StreamServer. It sends one line, the name of a machine (Follower::Options) or
/// nothing, and receives a capture file that grows; or "?", and receives the names of the machines
/// that have had a card on the VLAN, each as a line. Thread of the server only; never blocks.
class StreamClient {
public:
    StreamClient(io::UniqueFd socket, std::shared_ptr<Recording> recording);

    int descriptor() const noexcept { return socket_.get(); }
    /// Whether serve() is to be called when the socket is writable.
    bool has_backlog() const noexcept { return !unsent_.empty(); }
    /// Whether serve() is to be called at once, since there are more frames.
    bool is_behind() const noexcept { return is_behind_ && !has_backlog(); }
    /// Whether serve() is to be called soon, since there may be new frames.
    bool is_following() const noexcept { return follower_ && !has_backlog(); }

    /// Receives and sends what it can. False when the client has disconnected, has sent an invalid
    /// request, or has received everything after finish().
    bool serve();
    /// From now on, frames that are recorded later are not sent.
    void finish();

private:
    enum class State { requesting, following, finishing, finished };

    bool receive();
    bool take(std::string_view bytes);
    void fill();
    bool send();

    io::UniqueFd socket_;
    std::shared_ptr<Recording> recording_;
    State state_ = State::requesting;
    std::string request_;
    std::optional<Follower> follower_;
    bool is_behind_ = false;
    std::string unsent_;
    std::size_t sent_ = 0;  ///< the bytes of `unsent_` that were sent
};

}  // namespace charioteer::vlan::capture
