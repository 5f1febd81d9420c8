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

/// A client sent what is not a message of a client.
class Malformed : public io::Error {
public:
    using Error::Error;
};

enum class MessageType : std::uint8_t {
    // Of clients; `open` comes first, and once.
    open = 1,       ///< rows and columns in two bytes each, then the name of the terminal's kind
    input = 2,      ///< bytes for the shell's input
    input_end = 3,  ///< there is no more input; for a shell without a terminal
    resize = 4,     ///< rows and columns
    // Of the server.
    started = 16,  ///< the shell runs
    output = 17,
    errors = 18,
    ended = 19,  ///< exit status in four bytes, and the reason when the shell did not end by itself
};

struct Message {
    MessageType type;
    std::string payload;
};

/// What a client asks for.
struct Opening {
    std::optional<command::TerminalSize> size;  ///< none: the shell gets no terminal, but pipes
    std::string kind;                           ///< of the terminal, as TERM says it
};

std::string encode(MessageType type, std::string_view payload);
std::string encode_ended(int status, std::string_view why);
/// The payload of `open`; 0 rows and 0 columns are no terminal. Throws Malformed.
Opening decode_opening(std::string_view payload);
/// The payload of `resize`. Throws Malformed.
command::TerminalSize decode_size(std::string_view payload);

/// Cuts what a client sends into messages, however it is chopped up.
class MessageReader {
public:
    void feed(std::string_view bytes) { pending_ += bytes; }
    /// The next whole message; none while there is none. Throws Malformed.
    std::optional<Message> next();

private:
    std::string pending_;
};

}  // namespace charioteer::terminal
