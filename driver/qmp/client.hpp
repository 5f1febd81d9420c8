#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/connection.hpp"
#include "io/deadline.hpp"
#include "qmp/codec.hpp"

namespace charioteer::qmp {

namespace asio = boost::asio;

/// One connection to QEMU's machine protocol (QMP). Io thread only. Commands of several coroutines
/// may run at the same time: replies are assigned to commands by id.
class Client : public std::enable_shared_from_this<Client> {
public:
    /// Reads the greeting and negotiates the capabilities. `reason` is called when QEMU closes the
    /// connection. Throws io::ConnectionLost, io::TimeoutError, io::Error when the other end
    /// does not use QMP.
    static asio::awaitable<std::shared_ptr<Client>> open(io::UnixStream stream,
                                                         io::DisconnectReason reason,
                                                         io::Deadline deadline);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() = default;

    /// QEMU's version, "10.0.2".
    const std::string& version() const noexcept { return version_; }

    /// The value of `return` in the reply. Throws CommandError, io::ConnectionLost,
    /// io::TimeoutError; a later reply is discarded.
    asio::awaitable<json::value> execute(std::string command, json::object arguments,
                                         io::Deadline deadline);
    /// Runs a command of the human monitor; returns what it printed.
    asio::awaitable<std::string> human(std::string line, io::Deadline deadline);
    /// The oldest event that no earlier call has returned; the last 1000 are kept. Throws
    /// io::TimeoutError, io::ConnectionLost.
    asio::awaitable<json::object> next_event(io::Deadline deadline);

    /// `handler` is called for each event, in the order of the calls of on_event(). If a handler
    /// returns true, next_event() does not return the event. It must not throw.
    void on_event(std::function<bool(const json::object& event)> handler) {
        handlers_.push_back(std::move(handler));
    }
    /// Returns when QEMU has closed the connection and everything that it sent was handled.
    asio::awaitable<void> until_ended() { return connection_->until_stream_ended(); }

    /// Calls that wait throw io::ConnectionLost. Idempotent.
    void close() { connection_->close(); }

private:
    explicit Client(std::shared_ptr<io::Connection> connection);
    void receive_bytes(std::string_view bytes);
    void take(Event event);
    void take(Reply reply);
    void take(Greeting greeting);
    asio::awaitable<void> receive_greeting();
    asio::awaitable<Reply> until_replied(std::int64_t id);
    asio::awaitable<json::object> until_event();

    std::shared_ptr<io::Connection> connection_;
    io::Condition changed_;
    MessageReader reader_;
    std::string version_;
    std::int64_t last_id_ = 0;
    /// Running commands, and their replies once they are received.
    std::map<std::int64_t, std::optional<Reply>> commands_;
    std::deque<json::object> events_;
    std::vector<std::function<bool(const json::object& event)>> handlers_;
};

}  // namespace charioteer::qmp
