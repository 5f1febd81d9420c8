#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

namespace charioteer::io {

/// Asked when a connection ends unexpectedly: how did its other end die ("QEMU was killed by signal
/// 9")? Io thread.
using Obituary = std::function<boost::asio::awaitable<std::string>()>;

}  // namespace charioteer::io
