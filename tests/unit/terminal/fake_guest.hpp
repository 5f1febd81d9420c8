#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fakes/peer.hpp"
#include "io/runtime.hpp"
#include "terminal/message.hpp"
#include "terminal/visit.hpp"

namespace charioteer::terminal {

/// A guest whose shells do what the test says.
class FakeGuest {
public:
    /// What the guest was told about one of its shells.
    struct Told {
        frames::Type type;
        std::uint32_t stream;
        std::string payload;
    };

    explicit FakeGuest(io::Runtime& runtime);

    /// Starts shells, numbered from 1.
    Begin begin();
    /// From now on it starts none, for this reason.
    void refuse(std::string why) { refusal_ = std::move(why); }
    /// Does something to the shell on the io thread, once it was begun.
    void with_shell(std::uint32_t number, std::function<void(channel::Call&)> action);
    void says(std::uint32_t number, std::string bytes);
    void ends(std::uint32_t number, int status);
    /// The next thing of `type` that it is told about this shell.
    std::string next(std::uint32_t number, frames::Type type);
    /// What type has been told so far, joined.
    std::string so_far(std::uint32_t number, frames::Type type);
    /// Waits until nobody holds the shell any more.
    void until_dropped(std::uint32_t number);
    channel::Request request(std::uint32_t number);

private:
    class Line;

    io::Runtime& runtime_;
    std::shared_ptr<Line> line_;
    std::string refusal_;
};

/// What a visitor sends and reads.
class Visitor {
public:
    explicit Visitor(fakes::Peer peer) : peer_(std::move(peer)) {}

    void send(MessageType type, std::string_view payload) { peer_.send(encode(type, payload)); }
    /// Asks for a shell on a terminal of 24 rows and 80 columns.
    void open() { send(MessageType::open, std::string("\x18\0\x50\0xterm", 9)); }
    Message read();
    /// The status and the reason.
    std::pair<int, std::string> read_ending();
    fakes::Peer& peer() { return peer_; }

private:
    fakes::Peer peer_;
};

}  // namespace charioteer::terminal
