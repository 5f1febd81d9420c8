#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "channel/call.hpp"
#include "io/unix_socket.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;

/// A stream that is connected to a call with input: bytes written to the stream become the call's
/// input, and the call's standard output can be read from the stream. The call is ended when the
/// stream is closed; the stream ends when the call does, for any reason. Io thread only. Throws
/// io::Error.
io::UnixStream open_tunnel(std::shared_ptr<channel::Call> call,
                           const asio::any_io_executor& executor);

}  // namespace charioteer::machine
