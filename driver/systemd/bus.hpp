#pragma once

#include <systemd/sd-bus.h>

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "io/condition.hpp"
#include "io/error.hpp"
#include "io/unix_socket.hpp"
#include "systemd/message.hpp"

namespace charioteer::systemd {

namespace asio = boost::asio;

/// The peer returned an error for a call. `kind` is the D-Bus name of the error,
/// "org.freedesktop.systemd1.NoSuchUnit".
class CallError : public io::Error {
public:
    CallError(std::string_view member, std::string kind, std::string_view description);

    const std::string& kind() const noexcept { return kind_; }

private:
    std::string kind_;
};

/// A D-Bus method of an object.
struct Method {
    const char* path;
    const char* interface;
    const char* member;
};

/// A direct D-Bus connection to one peer (without a bus) over a stream of bytes: sd-bus implements
/// the protocol and is called when Asio reports that the stream is ready. No descriptors are
/// passed, and calls of the peer are not answered. Only call() and received() wait for the peer. Io
/// thread only.
class Bus : public std::enable_shared_from_this<Bus> {
public:
    /// Receives each message that is not a reply. An exception ends the connection.
    using Signal = std::function<void(Message&)>;

    /// Starts the authentication. `on_signal` is called until end(), never from within call().
    /// Throws io::ConnectionLost, io::Error if `stream` cannot be used.
    static std::shared_ptr<Bus> start(io::UnixStream stream, Signal on_signal);
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;
    ~Bus() = default;

    Message request(const Method& method) const;
    /// Sends the request and returns the reply. Throws CallError, io::ConnectionLost. After a
    /// cancellation the reply is discarded.
    asio::awaitable<Message> call(Message request);
    /// Returns after the next messages. Throws io::ConnectionLost.
    asio::awaitable<void> received();

    /// Ends the connection: waits end with io::ConnectionLost with the text `why`. Idempotent; the
    /// first reason is kept.
    void end(std::string why);

private:
    struct Release {
        void operator()(sd_bus* bus) const noexcept { sd_bus_unref(bus); }
        void operator()(sd_bus_slot* slot) const noexcept { sd_bus_slot_unref(slot); }
    };
    using Slot = std::unique_ptr<sd_bus_slot, Release>;
    /// The pending waits, so that there is at most one of each kind.
    struct Awaited {
        bool read = false;
        bool write = false;
        bool turn = false;
    };

    Bus(io::UnixStream stream, Signal on_signal);
    static int refuse_call(sd_bus_message* message, void*, sd_bus_error*);
    static int handle_reply(sd_bus_message* message, void* reply, sd_bus_error*);
    /// Handles a bounded number of messages, and schedules the next call.
    void attend();
    /// Handles one message or protocol step; false if there is nothing to do until the stream is
    /// ready.
    bool step();
    void arm();
    void await_stream(io::UnixStream::wait_type event, bool Awaited::*awaited);
    void expect_connection() const;

    io::UnixStream stream_;
    Signal on_signal_;
    io::Condition received_;
    std::unique_ptr<sd_bus, Release> bus_;
    Awaited awaited_;
    std::optional<std::string> lost_;  ///< why the connection has ended
};

}  // namespace charioteer::systemd
