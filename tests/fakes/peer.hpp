#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "io/pending.hpp"
#include "io/unix_socket.hpp"

namespace charioteer::fakes {

/// The test's end of a connection to the code under test. Any thread. Throws std::runtime_error
/// when the code under test does not send, read or close within 100 s.
class Peer {
public:
    explicit Peer(io::UniqueFd socket);

    void send(std::string_view bytes);
    /// The next line received, without its line end.
    std::string read_line();
    /// The next `size` bytes.
    std::string read(std::size_t size);
    /// Waits for data or the end of the stream; true if it is the end.
    bool sees_the_end();
    void close() { socket_.reset(); }
    int descriptor() const noexcept { return socket_.get(); }

private:
    std::string read_some(std::size_t most);

    io::UniqueFd socket_;
};

/// Both ends of a new connection; the first belongs to `executor`.
std::pair<io::UnixStream, Peer> connected_pair(const io::asio::any_io_executor& executor);

/// The result of an operation. Throws std::runtime_error when it takes longer than 100 s.
template <class T>
T result_of(io::Pending<T> pending) {
    if (!pending.wait_for(std::chrono::seconds(100)))
        throw std::runtime_error("no result within 100 s");
    return pending.get();
}

}  // namespace charioteer::fakes
