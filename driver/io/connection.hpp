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

/// Called when a peer has closed the connection; returns the reason ("QEMU was killed by signal
/// 9"). It may wait for the end of the peer's process. Io thread.
using DisconnectReason = std::function<asio::awaitable<std::string>()>;

/// A connection to one peer: reads, writes queued bytes in order, and keeps the reason for its end.
/// Holds a reference to itself until its end, so it must be closed. Io thread only.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    /// Receives bytes. If it throws, the connection ends with that error's text.
    using Receive = std::function<void(std::string_view bytes)>;
    /// Called once at the end of the connection: by the peer, by an error or by close().
    using Ended = std::function<void(const std::string& why)>;

    /// `reason` is called when the peer ends the connection. `read_size` is the largest size of one
    /// read, in bytes.
    static std::shared_ptr<Connection> open(UnixStream stream, DisconnectReason reason,
                                            std::size_t read_size);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Reads in the background until the end; keeps both functions until then. Must be called at
    /// most once, and not together with read().
    void receive_all(Receive receive, Ended ended);
    /// The next bytes, valid until the next call. Supports cancellation. Throws ConnectionLost.
    /// Must not be used together with receive_all().
    asio::awaitable<std::string_view> read();

    /// Queues `bytes` for writing; discarded after the end of the connection.
    void send(std::string_view bytes) { outbox_.add(bytes); }
    /// Discards queued bytes that are not being written yet.
    void forget_unsent() { outbox_.forget(); }
    bool has_unsent() const noexcept { return outbox_.has_unsent(); }
    /// Returns when everything is written. Throws ConnectionLost.
    asio::awaitable<void> flushed();

    /// Returns when the peer has ended its stream or the connection has ended. The reason may still
    /// be unknown.
    asio::awaitable<void> until_stream_ended();

    /// Why the connection ended; none before its end and while the reason is being determined.
    const std::optional<std::string>& lost() const noexcept { return lost_; }
    /// Throws ConnectionLost when the connection has ended.
    void expect_open() const;
    /// Ends the connection. Idempotent; the first reason is kept.
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
