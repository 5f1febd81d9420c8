#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

namespace charioteer::machine {

/// For connections of tests: why the other end has closed.
inline boost::asio::awaitable<std::string> disconnect_reason() {
    co_return "QEMU ended with status 1";
}

}  // namespace charioteer::machine
