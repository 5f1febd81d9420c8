#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "io/pending.hpp"
#include "io/unix_socket.hpp"

namespace charioteer::fakes {

/// The other end of a connection that the code under test has, for a test to play. Any thread.
/// Throws std::runtime_error when the code under test does not do its part within 20 s.
class Peer {
public:
    explicit Peer(io::UniqueFd socket);

    void send(std::string_view bytes);
    /// The next line that came, without its line end.
    std::string read_line();
    /// The next `size` bytes.
    std::string read(std::size_t size);
    /// Reads until the other side has closed; true when nothing came before.
    bool sees_the_end();
    void close() { socket_.reset(); }
    int descriptor() const noexcept { return socket_.get(); }

private:
    std::string read_some(std::size_t most);

    io::UniqueFd socket_;
};

/// Both ends of a new connection; the first belongs to `executor`.
std::pair<io::UnixStream, Peer> connected_pair(const io::asio::any_io_executor& executor);

/// The result of an operation that must not hang. Throws std::runtime_error when it does.
template <class T>
T result_of(io::Pending<T> pending) {
    if (!pending.wait_for(std::chrono::seconds(20))) throw std::runtime_error("it hangs");
    return pending.get();
}

}  // namespace charioteer::fakes
