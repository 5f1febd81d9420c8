#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace charioteer::io {

/// A failure with the story of what was being done. The place that fails gives the message; each
/// layer above adds one context frame ("powering down web") while the exception passes through.
/// Facts that help the reader but are not part of the sentence (last console lines, how QEMU
/// ended) are notes: one line or block each, shown below the message.
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

/// The other end of a connection is gone.
class ConnectionLost : public Error {
public:
    using Error::Error;
};

/// The caller gave something that cannot work: a bad file, value or state. The text says what was
/// expected.
class UsageError : public Error {
public:
    using Error::Error;
};

/// The wait was called off: by its caller (Ctrl-C) or because the driver stops. Deliberately not
/// an Error, so that code which handles failures does not swallow it.
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
