#include "machine/tunnel.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "io/error.hpp"

namespace charioteer::machine {

namespace {

constexpr std::size_t read_size = 16 * 1024;

struct Ends {
    std::shared_ptr<channel::Call> call;
    io::UnixStream stream;

    void close() {
        boost::system::error_code ignored;
        stream.close(ignored);
        call->cancel();
    }
};

asio::awaitable<void> into_the_guest(std::shared_ptr<Ends> ends) {
    std::string buffer(read_size, '\0');
    boost::system::error_code failure;
    for (;;) {
        auto got = co_await ends->stream.async_read_some(
            asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failure));
        if (failure) break;
        try {
            co_await ends->call->write(buffer.substr(0, got));
        } catch (const io::Error&) {
            break;  // the other direction detects it, too
        }
    }
    ends->close();
}

asio::awaitable<void> out_of_the_guest(std::shared_ptr<Ends> ends) {
    boost::system::error_code failure;
    try {
        while (!failure) {
            auto piece = co_await ends->call->next();
            if (!piece) break;
            if (piece->source != channel::Source::output) continue;
            co_await asio::async_write(ends->stream, asio::buffer(piece->bytes),
                                       asio::redirect_error(asio::use_awaitable, failure));
        }
    } catch (const io::Error&) {
        // The reader of the stream gets its end.
    }
    ends->close();
}

}  // namespace

io::UnixStream open_tunnel(std::shared_ptr<channel::Call> call,
                           const asio::any_io_executor& executor) {
    io::UnixStream near(executor);
    auto ends = std::make_shared<Ends>(Ends{std::move(call), io::UnixStream(executor)});
    boost::system::error_code failure;
    asio::local::connect_pair(near, ends->stream, failure);
    if (failure) throw io::system_error("cannot make a socket pair", failure.value());
    asio::co_spawn(executor, into_the_guest(ends), asio::detached);
    asio::co_spawn(executor, out_of_the_guest(ends), asio::detached);
    return near;
}

}  // namespace charioteer::machine
