#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/condition.hpp"
#include "io/outbox.hpp"
#include "io/unix_socket.hpp"

namespace charioteer::io {

/// Called when a peer has closed its end: finds out why ("QEMU was killed by signal 9"). It may
/// wait for the peer's process to end. Io thread.
using DisconnectReason = std::function<asio::awaitable<std::string>()>;

/// A connection to one peer: reads its bytes, writes ours one piece after the other, and keeps the
/// reason why it ended. Must be closed, for until its end it holds itself. Io thread only.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    /// Gets bytes that came. When it throws, the connection ends with that error's text.
    using Receive = std::function<void(std::string_view bytes)>;
    /// Called once when the connection has ended, whether by the peer, by an error or by close().
    using Ended = std::function<void(const std::string& why)>;

    /// `reason` is asked when the peer ends the connection. `read_size` is the most that is read
    /// at once, in bytes.
    static std::shared_ptr<Connection> open(UnixStream stream, DisconnectReason reason,
                                            std::size_t read_size);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Reads until the end, all by itself. Both functions are kept until then. Once, and not
    /// beside read().
    void receive_all(Receive receive, Ended ended);
    /// The bytes that come next, valid until the next call. Obeys cancellation. Throws
    /// ConnectionLost. Not beside receive_all().
    asio::awaitable<std::string_view> read();

    /// Writes `bytes` after what was sent before; dropped once the connection has ended.
    void send(std::string_view bytes) { outbox_.add(bytes); }
    /// Drops what was sent and is not being written yet.
    void forget_unsent() { outbox_.forget(); }
    bool has_unsent() const noexcept { return outbox_.has_unsent(); }
    /// Returns when everything is written. Throws ConnectionLost.
    asio::awaitable<void> flushed();

    /// Returns when the peer has ended its stream or the connection has ended. The reason may not
    /// be known yet.
    asio::awaitable<void> until_stream_ended();

    /// Why the connection ended; none while it has not, or while the reason is being asked for.
    const std::optional<std::string>& lost() const noexcept { return lost_; }
    /// Throws ConnectionLost when the connection has ended.
    void expect_open() const;
    /// Idempotent; the first reason is kept.
    void close(std::string why = "the driver closed the connection");

    asio::any_io_executor executor() { return stream_.get_executor(); }
    int descriptor() { return stream_.native_handle(); }

private:
    Connection(UnixStream stream, DisconnectReason reason, std::size_t read_size);
    static asio::awaitable<void> write_all(std::shared_ptr<Connection> self);
    static asio::awaitable<void> read_all(std::shared_ptr<Connection> self, Receive receive,
                                          Ended ended);
    /// Throws ConnectionLost, with the reason.
    asio::awaitable<void> fail();

    UnixStream stream_;
    Outbox outbox_;
    DisconnectReason reason_;
    Condition changed_;
    std::vector<char> buffer_;
    bool stream_ended_ = false;
    std::optional<std::string> lost_;
};

}  // namespace charioteer::io
