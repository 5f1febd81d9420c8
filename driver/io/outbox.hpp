#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "io/condition.hpp"
#include "io/unix_socket.hpp"

namespace charioteer::io {

/// Writes queued pieces to one stream in order. An accepted piece is written completely even if its
/// caller is cancelled, so that the peer never receives an incomplete message. Io thread only.
class Outbox {
public:
    /// `stream` must outlive the outbox and run().
    explicit Outbox(UnixStream& stream) : stream_(stream), changed_(stream.get_executor()) {}

    /// Discards `bytes` after stop().
    void add(std::string_view bytes) {
        if (stopped_) return;
        waiting_ += bytes;
        changed_.notify_all();
    }
    /// Discards queued bytes that are not being written yet.
    void forget() {
        waiting_.clear();
        changed_.notify_all();
    }
    /// Returns when everything is written, or after stop().
    asio::awaitable<void> flushed() {
        while (!stopped_ && has_unsent()) co_await changed_.wait();
    }
    /// Whether anything waits to be written or is being written.
    bool has_unsent() const noexcept { return writing_ || !waiting_.empty(); }
    /// Whether writing has ended: by stop() or by an error of the stream.
    bool stopped() const noexcept { return stopped_; }
    /// Ends run(). The caller must also close the stream.
    void stop() {
        stopped_ = true;
        waiting_.clear();
        changed_.notify_all();
    }
    /// Writes until stop() or an error of the stream; readers of the stream then see its end.
    asio::awaitable<void> run();

private:
    UnixStream& stream_;
    Condition changed_;
    std::string waiting_;
    bool writing_ = false;
    bool stopped_ = false;
};

}  // namespace charioteer::io
