#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/error.hpp"
#include "io/obituary.hpp"
#include "io/outbox.hpp"
#include "io/time_source.hpp"

namespace charioteer::qmp {

namespace asio = boost::asio;
namespace json = boost::json;

/// QEMU refused a command. `kind` is QMP's error class, "GenericError" most often, `description`
/// what it says of the reason.
class CommandError : public io::Error {
public:
    CommandError(std::string_view command, std::string kind, std::string description);

    const std::string& kind() const noexcept { return kind_; }
    const std::string& description() const noexcept { return description_; }

private:
    std::string kind_;
    std::string description_;
};

/// One connection to QEMU's machine protocol (QMP). Io thread only. Commands of several coroutines
/// may be under way at once: replies find their command by id.
class Client : public std::enable_shared_from_this<Client> {
public:
    /// Reads the greeting and takes the capabilities. Throws io::ConnectionLost with the obituary,
    /// io::TimeoutError, io::Error when the other end does not speak QMP.
    static asio::awaitable<std::shared_ptr<Client>> open(io::UnixStream stream,
                                                         io::Obituary obituary,
                                                         io::Deadline deadline,
                                                         io::TimeSource& time);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() = default;

    /// QEMU's version, "10.0.2".
    const std::string& version() const noexcept { return version_; }

    /// The value of `return` in the reply. Throws CommandError, io::ConnectionLost,
    /// io::TimeoutError; a reply that comes after that is dropped.
    asio::awaitable<json::value> execute(std::string command, json::object arguments,
                                         io::Deadline deadline);
    /// Runs a command of the human monitor; returns what it printed.
    asio::awaitable<std::string> human(std::string line, io::Deadline deadline);
    /// The oldest event that no earlier call has returned; the last 1000 are kept. Throws
    /// io::TimeoutError, io::ConnectionLost.
    asio::awaitable<json::object> next_event(io::Deadline deadline);

    /// `handler` sees each event, before next_event() gives it out and after the handlers of
    /// before; those for which one returns true are not given out. It must not throw.
    void on_event(std::function<bool(const json::object& event)> handler) {
        handlers_.push_back(std::move(handler));
    }
    /// Returns when all that QEMU will ever send was taken.
    asio::awaitable<void> until_ended();

    /// Whoever waits gets io::ConnectionLost. Idempotent.
    void close();

private:
    Client(io::UnixStream stream, io::Obituary obituary, io::TimeSource& time);
    static asio::awaitable<void> read(std::shared_ptr<Client> self);
    static asio::awaitable<void> write(std::shared_ptr<Client> self);
    /// Reads until the connection ends; says why it did.
    asio::awaitable<std::string> read_messages();
    void take(std::string_view line);
    bool is_taken(const json::object& event) const;
    void take_reply(json::object message);
    asio::awaitable<void> until_greeted();
    asio::awaitable<json::object> until_replied(std::int64_t id);
    asio::awaitable<json::object> until_event();
    void expect_connection() const;
    void disconnect();

    io::UnixStream stream_;
    io::Outbox outbox_;
    io::Obituary obituary_;
    io::TimeSource& time_;
    io::Condition changed_;
    std::string version_;
    std::int64_t last_id_ = 0;
    /// Commands under way, and their replies once they are there.
    std::map<std::int64_t, std::optional<json::object>> commands_;
    std::deque<json::object> events_;
    std::vector<std::function<bool(const json::object& event)>> handlers_;
    bool ended_ = false;               ///< the stream
    std::optional<std::string> lost_;  ///< why there is no connection any more
    bool closed_ = false;
};

}  // namespace charioteer::qmp
