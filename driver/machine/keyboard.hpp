#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "io/time_source.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;

/// Presses keys no faster than the guest reads them. A PS/2 keyboard of QEMU holds 16 bytes of key
/// codes and drops what does not fit (hw/input/ps2.c). That is room for five keys, or 100 ms of
/// typing: without waiting, a guest that gets no processor for so long loses keys. Io thread only.
class Keyboard {
public:
    /// Runs a command of QEMU's human monitor; returns what it printed.
    using HumanMonitor = std::function<asio::awaitable<std::string>(std::string command)>;

    /// `time` must outlive the object.
    Keyboard(io::TimeSource& time, HumanMonitor monitor)
        : time_(time), monitor_(std::move(monitor)) {}
    Keyboard(const Keyboard&) = delete;
    Keyboard& operator=(const Keyboard&) = delete;

    /// Presses a key or chord, in the syntax of the monitor's `sendkey`; returns what QEMU printed,
    /// which is empty for a valid key. Waits before, up to 2 s, until the guest has read
    /// the keys pressed earlier; a guest that reads none in this time is not waited for until it
    /// does. Throws as the monitor.
    asio::awaitable<std::string> press(std::string key);

private:
    asio::awaitable<void> until_guest_has_read();

    io::TimeSource& time_;
    HumanMonitor monitor_;
    /// When QEMU has passed on the last press and its release.
    io::TimePoint played_{};
    bool guest_reads_ = true;
};

}  // namespace charioteer::machine
