// Arbitrary bytes from a client of `charioteer shell`: messages are encoded to the same bytes
// again, malformed ones are rejected, and payloads are read within their bounds. The first byte of
// the input is the size of the pieces.

#include <string>
#include <vector>

#include "fuzz/input.hpp"
#include "terminal/message.hpp"

using namespace charioteer;
using fuzz::require;
using terminal::MessageType;

namespace {

/// Messages with correct lengths, and arbitrary bytes.
std::string generate(fuzz::Input input) {
    std::string stream;
    while (!input.empty()) {
        auto type = input.byte();
        auto payload = input.text(input.byte());
        stream += type < 8 ? terminal::encode(static_cast<MessageType>(type), payload) : payload;
    }
    return stream;
}

void decode(const terminal::Message& message) {
    try {
        if (message.type == MessageType::resize) {
            terminal::decode_size(message.payload);
            require(message.payload.size() == 4);
        }
        if (message.type == MessageType::open) {
            auto opening = terminal::decode_opening(message.payload);
            require(opening.kind.size() + 4 == message.payload.size());
        }
    } catch (const terminal::Malformed&) {
        require(message.payload.size() < 4 || message.type == MessageType::resize);
    }
}

void check(std::string_view stream, std::size_t piece) {
    terminal::MessageReader reader;
    std::string again;
    bool malformed = false;
    fuzz::feed(stream, piece, [&](std::string_view bytes) {
        if (malformed) return;
        try {
            reader.feed(bytes);
            while (auto message = reader.next()) {
                again += terminal::encode(message->type, message->payload);
                decode(*message);
            }
        } catch (const terminal::Malformed&) {
            malformed = true;
        }
    });
    require(stream.starts_with(again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto piece = input.byte() + std::size_t{1};
    check(generate(input), piece);
    return 0;
}
