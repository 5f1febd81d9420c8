#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "io/error.hpp"
#include "io/line_splitter.hpp"

/// The messages of QEMU's machine protocol (QMP): one JSON object on each line. No I/O here.
namespace charioteer::qmp {

namespace json = boost::json;

/// QEMU rejected a command. `kind` is QMP's error class, usually "GenericError", `description` its
/// reason.
class CommandError : public io::Error {
public:
    CommandError(std::string_view command, std::string kind, std::string description);

    const std::string& kind() const noexcept { return kind_; }
    const std::string& description() const noexcept { return description_; }

private:
    std::string kind_;
    std::string description_;
};

/// The first message of a connection.
struct Greeting {
    std::string version;  ///< QEMU's version, "10.0.2"
};

struct Event {
    json::object content;
};

struct Reply {
    /// The id of the command; none when QEMU could not read the command or its id.
    std::optional<std::int64_t> id;
    json::object content;
};

using Message = std::variant<Greeting, Event, Reply>;

/// Splits what QEMU sends, in pieces of any size, into messages.
class MessageReader {
public:
    void feed(std::string_view bytes) { lines_.feed(bytes); }
    /// The next complete message, if there is one. Throws io::Error when a line is not a message.
    std::optional<Message> next();

private:
    io::LineSplitter lines_;
};

/// The line that makes QEMU run `command`.
std::string encode_command(std::int64_t id, std::string_view command, json::object arguments);

/// The value in the reply to `command`. Throws CommandError, and io::Error when the reply has
/// neither a value nor an error.
json::value result_of(std::string_view command, const Reply& reply);

}  // namespace charioteer::qmp
