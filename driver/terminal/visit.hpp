#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "channel/call.hpp"
#include "io/time_source.hpp"
#include "io/unix_socket.hpp"
#include "terminal/message.hpp"

namespace charioteer::terminal {

namespace asio = boost::asio;

/// Has a guest start something. Throws io::Error when it cannot, saying why.
using Begin = std::function<asio::awaitable<std::shared_ptr<channel::Call>>(channel::Request)>;

/// One visitor with a login shell of its own. What the shell says goes out as fast as the visitor
/// reads, what is typed goes in as fast as the guest takes it. Io thread only.
class Visit {
public:
    Visit(io::UnixStream stream, Begin begin, io::TimeSource& time);
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    /// Until the shell or the visitor goes, or close(). A visitor that goes first hangs its shell
    /// up, with all that the shell has started.
    static asio::awaitable<void> run(std::shared_ptr<Visit> self);
    /// Ends the visit. Idempotent.
    void close() noexcept;

private:
    asio::awaitable<void> gone();
    asio::awaitable<void> serve();
    asio::awaitable<void> start_shell();
    asio::awaitable<bool> relay();
    asio::awaitable<void> until_input_fails();
    asio::awaitable<void> forward_input();
    asio::awaitable<void> forward_output();
    asio::awaitable<Message> receive();
    asio::awaitable<void> take(Message message);
    asio::awaitable<void> send(std::string bytes);
    void hang_up();

    io::UnixStream stream_;
    Begin begin_;
    io::TimeSource& time_;
    MessageReader reader_;
    std::shared_ptr<channel::Call> shell_;
};

}  // namespace charioteer::terminal
