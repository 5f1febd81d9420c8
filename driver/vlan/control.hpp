#pragma once

#include <optional>

#include "io/unique_fd.hpp"
#include "vlan/port.hpp"
#include "vlan/vde.hpp"

namespace charioteer::vlan {

/// One connection to the socket `ctl`: a plug sends one request and stays attached until the
/// connection ends. Segment's thread only.
class ControlConnection {
public:
    enum class State {
        waiting,    ///< the request is not complete, or the plug is attached
        requested,  ///< the request has become complete: answer it
        garbage,    ///< see error()
        ended,
    };

    explicit ControlConnection(io::UniqueFd socket) : socket_(std::move(socket)) {}

    int descriptor() const noexcept { return socket_.get(); }

    /// Reads received bytes.
    State read();
    /// Sends the plug the address for its frames. False if the reply cannot be sent.
    bool answer(const sockaddr_un& address, PortId port) noexcept;

    const sockaddr_un& plug_address() const noexcept { return request_.address(); }
    const std::string& error() const noexcept { return error_; }
    /// The port of the attached plug.
    std::optional<PortId> port() const noexcept { return port_; }

private:
    io::UniqueFd socket_;
    vde::RequestReader request_;
    bool begun_ = false;
    bool complete_ = false;  ///< the request
    std::optional<PortId> port_;
    std::string error_;
};

}  // namespace charioteer::vlan
