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

/// Starts a command in the guest. Throws io::Error when it cannot.
using Begin = std::function<asio::awaitable<std::shared_ptr<channel::Call>>(command::Command)>;

/// One client and its login shell. The shell's output is forwarded as fast as the client reads,
/// the client's input as fast as the guest takes it. Io thread only.
class ShellConnection {
public:
    ShellConnection(io::UnixStream stream, Begin begin, io::TimeSource& time);
    ShellConnection(const ShellConnection&) = delete;
    ShellConnection& operator=(const ShellConnection&) = delete;

    /// Returns when the shell has ended, when the client has disconnected, or after close(). If the
    /// client disconnects first, its shell and all that the shell has started are hung up.
    static asio::awaitable<void> run(std::shared_ptr<ShellConnection> self);
    /// Disconnects the client. Idempotent.
    void close() noexcept;

private:
    asio::awaitable<void> until_disconnected();
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
