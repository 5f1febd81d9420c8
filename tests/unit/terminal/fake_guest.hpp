#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fakes/peer.hpp"
#include "io/runtime.hpp"
#include "terminal/message.hpp"
#include "terminal/shell_connection.hpp"

namespace charioteer::terminal {

/// A guest whose shells are controlled by the test.
class FakeGuest {
public:
    /// A frame that was sent to the guest for one of its shells.
    struct Sent {
        frames::Type type;
        std::uint32_t stream;
        std::string payload;
    };

    explicit FakeGuest(io::Runtime& runtime);

    /// Starts shells, numbered from 1.
    Begin begin();
    /// Rejects further shells for this reason.
    void refuse(std::string why) { refusal_ = std::move(why); }
    /// Runs `action` on the io thread for a shell that has started.
    void with_shell(std::uint32_t number, std::function<void(channel::Call&)> action);
    void write_output(std::uint32_t number, std::string bytes);
    void end(std::uint32_t number, int status);
    /// The next frame of `type` for this shell.
    std::string next(std::uint32_t number, frames::Type type);
    /// The payloads of `type` that were sent so far, joined.
    std::string so_far(std::uint32_t number, frames::Type type);
    /// Waits until the shell is cancelled.
    void until_cancelled(std::uint32_t number);
    command::Command command(std::uint32_t number);

private:
    class Frames;

    io::Runtime& runtime_;
    std::shared_ptr<Frames> frames_;
    std::string refusal_;
};

/// A client of the shell server.
class Client {
public:
    explicit Client(fakes::Peer peer) : peer_(std::move(peer)) {}

    void send(MessageType type, std::string_view payload) { peer_.send(encode(type, payload)); }
    /// Requests a shell on a terminal of 24 rows and 80 columns.
    void open() { send(MessageType::open, std::string("\x18\0\x50\0xterm", 9)); }
    Message read();
    /// The status and the reason.
    std::pair<int, std::string> read_ending();
    fakes::Peer& peer() { return peer_; }

private:
    fakes::Peer peer_;
};

}  // namespace charioteer::terminal
