#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "channel/call.hpp"
#include "io/unix_socket.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;

/// A stream on this side of a call with input: what is written to it becomes the call's input, what
/// the call says on its standard output can be read from it. The call is ended when the stream is
/// closed; the stream ends when the call does, whatever the reason. Io thread only. Throws
/// io::Error.
io::UnixStream open_tunnel(std::shared_ptr<channel::Call> call,
                           const asio::any_io_executor& executor);

}  // namespace charioteer::machine
