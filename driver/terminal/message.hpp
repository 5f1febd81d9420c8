#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "channel/call.hpp"
#include "io/error.hpp"

/// What a client (python/charioteer/testing/shell_connection.py) and the door say to each other
/// over a stream: messages of a byte for the type, the length of the payload in four bytes, and the
/// payload. Numbers are little endian. No I/O here.
namespace charioteer::terminal {

/// The visitor said what a visitor does not say.
class Malformed : public io::Error {
public:
    using Error::Error;
};

enum class MessageType : std::uint8_t {
    // Of the visitor; `open` comes first, and once.
    open = 1,       ///< rows and columns in two bytes each, then the name of the terminal's kind
    input = 2,      ///< what was typed
    input_end = 3,  ///< nothing more will be; for a shell without a terminal
    resize = 4,     ///< rows and columns
    // Of the door.
    started = 16,  ///< the shell runs
    output = 17,
    errors = 18,
    ended = 19,  ///< exit status in four bytes, and why when the shell did not end by itself
};

struct Message {
    MessageType type;
    std::string payload;
};

/// What a visitor asks for.
struct Opening {
    std::optional<channel::TerminalSize> size;  ///< none: the shell gets no terminal, but pipes
    std::string kind;                           ///< of the terminal, as TERM says it
};

std::string encode(MessageType type, std::string_view payload);
std::string encode_ended(int status, std::string_view why);
/// The payload of `open`; 0 rows and 0 columns are no terminal. Throws Malformed.
Opening decode_opening(std::string_view payload);
/// The payload of `resize`. Throws Malformed.
channel::TerminalSize decode_size(std::string_view payload);

/// Cuts what a visitor sends into messages, however it is chopped up.
class MessageReader {
public:
    void feed(std::string_view bytes) { pending_ += bytes; }
    /// The next whole message; none while there is none. Throws Malformed.
    std::optional<Message> next();

private:
    std::string pending_;
};

}  // namespace charioteer::terminal
