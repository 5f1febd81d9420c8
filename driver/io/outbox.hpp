#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "io/condition.hpp"
#include "io/unix_socket.hpp"

namespace charioteer::io {

/// Writes to one stream, one piece after the other. A piece once accepted is written whole, whether
/// or not somebody still waits for it: a protocol never sees half a message. Io thread only.
class Outbox {
public:
    /// `stream` must live until the outbox is stopped and gone.
    explicit Outbox(UnixStream& stream) : stream_(stream), changed_(stream.get_executor()) {}

    /// Dropped once stopped.
    void add(std::string_view bytes) {
        if (stopped_) return;
        waiting_ += bytes;
        changed_.notify_all();
    }
    /// Drops what waits and is not being written yet.
    void forget() {
        waiting_.clear();
        changed_.notify_all();
    }
    /// Returns when everything is written, or when it cannot be any more.
    asio::awaitable<void> flushed() {
        while (!stopped_ && has_unsent()) co_await changed_.wait();
    }
    /// Whether anything waits to be written or is being written.
    bool has_unsent() const noexcept { return writing_ || !waiting_.empty(); }
    /// Nothing is written any more: by stop(), or because the stream took no more.
    bool stopped() const noexcept { return stopped_; }
    /// Ends run(). The stream is to be closed beside it.
    void stop() {
        stopped_ = true;
        waiting_.clear();
        changed_.notify_all();
    }
    /// Writes until stop(), or until the stream takes no more; who reads it then sees the end.
    asio::awaitable<void> run();

private:
    UnixStream& stream_;
    Condition changed_;
    std::string waiting_;
    bool writing_ = false;
    bool stopped_ = false;
};

}  // namespace charioteer::io
