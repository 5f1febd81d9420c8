// Arbitrary bytes from the other side of a trunk: in whatever pieces they arrive, the same frames
// and names are decoded, and the same error is found.

#include <cstring>
#include <string>
#include <vector>

#include "fuzz/input.hpp"
#include "vlan/trunk/trunk_codec.hpp"

using namespace charioteer;
using fuzz::require;
using namespace vlan::trunk;

namespace {

/// A hello, then frames and names with lengths from the input, and arbitrary bytes.
std::string generate(fuzz::Input input) {
    auto hello = encode(Hello{input.byte(), {}});
    if (auto place = input.byte(); place < hello.size()) hello[place] ^= 1;
    std::string stream = hello;
    while (!input.empty()) {
        auto kind = input.byte();
        if (kind < 0x40) {
            std::byte head[vlan::length_size];
            vlan::write_length(head, 8U * kind);
            stream.append(reinterpret_cast<const char*>(head), sizeof head);
            stream.append(8U * kind, static_cast<char>(input.byte()));
        } else if (kind < 0x80) {
            stream += encode(
                Name{vlan::Address{2} << 40 | input.byte(), std::string(input.text(kind & 0x1f))});
        } else {
            stream += input.text(kind & 0x1f);
        }
    }
    return stream;
}

struct Decoded {
    std::string frames;
    std::string names;
    std::string error;
    bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view stream, std::size_t piece) {
    Decoded result;
    Decoder decoder([](const Hello& hello) {
        return hello.vlan == 13 ? std::string("refused") : std::string();
    });
    std::vector<vlan::Frame> frames;
    std::vector<Name> names;
    fuzz::feed(stream, piece, [&](std::string_view bytes) {
        if (!result.error.empty()) return;
        auto room = decoder.room();
        require(room.size() >= bytes.size());
        std::memcpy(room.data(), bytes.data(), bytes.size());
        decoder.received(bytes.size());
        frames.clear();
        names.clear();
        result.error = decoder.decode(frames, names);
        for (const auto& frame : frames) {
            require(frame.size <= vlan::max_frame_size);
            auto whole = frame.with_length();
            result.frames.append(reinterpret_cast<const char*>(whole.data()), whole.size());
        }
        for (const auto& name : names) result.names += encode(name);
        require(!decoder.end().empty());
    });
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto piece = input.byte() + std::size_t{1};
    auto stream = generate(input);
    require(decode(stream, piece) == decode(stream, 4096));
    return 0;
}
