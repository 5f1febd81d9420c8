#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace charioteer::io {

/// An error with its context. The failing function gives the message; each layer above prepends one
/// context ("powering down web") while the exception propagates. Additional facts (last console
/// lines, how QEMU ended) are notes: one line or block each, shown below the message.
class Error : public std::exception {
public:
    explicit Error(std::string message);

    /// Puts `frame` in front of the message: "frame: message".
    void add_context(std::string_view frame);
    void add_note(std::string note);

    const char* what() const noexcept override { return text_.c_str(); }
    const std::vector<std::string>& notes() const noexcept { return notes_; }

private:
    std::string text_;
    std::vector<std::string> notes_;
};

/// A host-side deadline passed. The text names the limit.
class TimeoutError : public Error {
public:
    using Error::Error;
};

/// A connection has ended.
class ConnectionLost : public Error {
public:
    using Error::Error;
};

/// An invalid file, value or state of the caller. The text names what was expected.
class UsageError : public Error {
public:
    using Error::Error;
};

/// A wait was cancelled: by its caller (Ctrl-C) or because the driver stops. Not an Error, so that
/// code that handles errors does not catch it.
class Interrupted : public std::exception {
public:
    explicit Interrupted(std::string reason) : reason_(std::move(reason)) {}
    const char* what() const noexcept override { return reason_.c_str(); }

private:
    std::string reason_;
};

/// "{what}: {text of errno value `code`}".
Error system_error(std::string_view what, int code);

}  // namespace charioteer::io
