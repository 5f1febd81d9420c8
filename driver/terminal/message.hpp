#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "command/command.hpp"
#include "io/error.hpp"

/// What clients (python/charioteer/testing/shell_connection.py) and the shell server send to each
/// other over a stream: messages of a byte for the type, the length of the payload in four bytes,
/// and the payload. Numbers are little endian. No I/O here.
namespace charioteer::terminal {

/// A client sent bytes that are not a valid message.
class Malformed : public io::Error {
public:
    using Error::Error;
};

enum class MessageType : std::uint8_t {
    // From clients; `open` is the first message, and sent once.
    open = 1,       ///< rows and columns in two bytes each, then the terminal's type, as in TERM
    input = 2,      ///< bytes for the shell's input
    input_end = 3,  ///< there is no more input; for a shell without a terminal
    resize = 4,     ///< rows and columns
    // From the server.
    started = 16,  ///< the shell runs
    output = 17,
    errors = 18,
    ended = 19,  ///< exit status in four bytes, and the reason when the shell did not end by itself
};

struct Message {
    MessageType type;
    std::string payload;
};

/// A client's request for a shell.
struct Opening {
    std::optional<command::TerminalSize> size;  ///< none: the shell gets no terminal, but pipes
    std::string kind;                           ///< the terminal's type, as in TERM
};

std::string encode(MessageType type, std::string_view payload);
std::string encode_ended(int status, std::string_view why);
/// The payload of `open`; 0 rows and 0 columns are no terminal. Throws Malformed.
Opening decode_opening(std::string_view payload);
/// The payload of `resize`. Throws Malformed.
command::TerminalSize decode_size(std::string_view payload);

/// Splits what a client sends, in pieces of any size, into messages.
class MessageReader {
public:
    void feed(std::string_view bytes) { pending_ += bytes; }
    /// The next complete message, if there is one. Throws Malformed.
    std::optional<Message> next();

private:
    std::string pending_;
};

}  // namespace charioteer::terminal
