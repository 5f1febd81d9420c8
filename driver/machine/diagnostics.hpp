#pragma once

#include <boost/asio/awaitable.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "machine/context.hpp"

namespace charioteer::machine {

/// A running call, for the text of an error.
struct CallDescription {
    std::string what;  ///< as in "while running `x`"
    std::optional<Limit> limit;
    io::TimePoint begin;
    io::Duration excess = command::grace;  ///< by how much it may exceed the limit
};

/// Adds the state of the machine to errors: the accelerator, the state of QEMU, the last
/// lines of the console, how long the call took and its limit. The only place that adds such notes.
/// Io thread only.
class Diagnostics {
public:
    explicit Diagnostics(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

    /// Adds notes about QEMU, the accelerator and the console.
    void annotate(io::Error& error) const;
    /// An error of the machine with the text and notes of `error`. `activity` as in "while running
    /// `x`".
    ShellError explain(const io::Error& error, std::string_view activity,
                       io::TimePoint begin) const;
    /// Throws what explain() makes of `failure`, with QEMU's state when time ran out. Exceptions
    /// other than io::Error are thrown as they are.
    asio::awaitable<void> fail_call(std::exception_ptr failure, CallDescription call) const;

private:
    asio::awaitable<std::string> run_state() const;

    std::shared_ptr<const Context> context_;
};

}  // namespace charioteer::machine
