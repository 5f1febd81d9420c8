#include "terminal/message.hpp"

#include <fmt/format.h>

namespace charioteer::terminal {

namespace {

constexpr std::size_t header_size = 5;
/// The largest payload of a client's message, in bytes: several times what clients send at once.
constexpr std::size_t longest_payload = 64 * 1024;

std::size_t number(std::string_view bytes) {
    std::size_t value = 0;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
        value = value << 8 | static_cast<unsigned char>(*byte);
    return value;
}

void put_number(std::string& target, std::size_t value) {
    for (int shift = 0; shift < 32; shift += 8) target += static_cast<char>(value >> shift & 0xff);
}

}  // namespace

std::string encode(MessageType type, std::string_view payload) {
    std::string bytes(1, static_cast<char>(type));
    put_number(bytes, payload.size());
    return bytes.append(payload);
}

std::string encode_ended(int status, std::string_view why) {
    std::string payload;
    put_number(payload, static_cast<std::size_t>(status));
    return encode(MessageType::ended, payload.append(why));
}

command::TerminalSize decode_size(std::string_view payload) {
    if (payload.size() != 4) throw Malformed("the size of a terminal has 4 bytes");
    return {.rows = static_cast<std::uint16_t>(number(payload.substr(0, 2))),
            .columns = static_cast<std::uint16_t>(number(payload.substr(2)))};
}

Opening decode_opening(std::string_view payload) {
    Opening opening;
    auto size = decode_size(payload.substr(0, 4));
    if (size.rows != 0 || size.columns != 0) opening.size = size;
    opening.kind = payload.substr(4);
    return opening;
}

std::optional<Message> MessageReader::next() {
    if (pending_.size() < header_size) return std::nullopt;
    auto type = static_cast<std::uint8_t>(pending_[0]);
    if (type < static_cast<std::uint8_t>(MessageType::open) ||
        type > static_cast<std::uint8_t>(MessageType::resize))
        throw Malformed(fmt::format("no message of a client has type {}", type));
    auto size = number(std::string_view(pending_).substr(1, 4));
    if (size > longest_payload)
        throw Malformed(fmt::format("a message has {} bytes, {} at most", size, longest_payload));
    if (pending_.size() < header_size + size) return std::nullopt;
    Message message{static_cast<MessageType>(type), pending_.substr(header_size, size)};
    pending_.erase(0, header_size + size);
    return message;
}

}  // namespace charioteer::terminal
