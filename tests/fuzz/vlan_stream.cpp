// Arbitrary bytes from QEMU on a VLAN's stream socket: the decoded frames are the bytes that were
// sent, in whatever pieces they arrive. The input is repeated until the decoder has moved the rest
// to the begin of its buffer.

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz/input.hpp"
#include "vlan/stream.hpp"

using namespace charioteer;
using fuzz::require;
using vlan::StreamDecoder;

namespace {

/// Frames with lengths from the input, and arbitrary bytes.
std::string generate(fuzz::Input input) {
    std::string stream;
    while (!input.empty()) {
        auto kind = input.byte();
        if (kind == 0xff) {
            stream += input.text(input.byte());
            continue;
        }
        std::size_t length = kind == 0xfe ? 256U * input.byte() + input.byte() : kind;
        std::byte head[vlan::length_size];
        vlan::write_length(head, length);
        stream.append(reinterpret_cast<const char*>(head), sizeof head);
        stream.append(length, static_cast<char>(input.byte()));
    }
    return stream;
}

void check(std::string_view stream, std::size_t piece) {
    StreamDecoder decoder;
    std::size_t decoded = 0;
    std::vector<vlan::Frame> frames;
    auto health = StreamDecoder::Health::good;
    fuzz::feed(stream, piece, [&](std::string_view bytes) {
        if (health != StreamDecoder::Health::good) return;
        auto buffer = decoder.room();
        require(buffer.size() >= vlan::StreamBuffer::min_room && buffer.size() >= bytes.size());
        std::memcpy(buffer.data(), bytes.data(), bytes.size());
        decoder.received(bytes.size());
        frames.clear();
        health = decoder.decode(frames);
        for (const auto& frame : frames) {
            require(frame.size <= vlan::max_frame_size);
            auto whole = frame.with_length();
            require(vlan::read_length(whole.data()) == frame.size);
            require(decoded + whole.size() <= stream.size());
            require(std::memcmp(whole.data(), stream.data() + decoded, whole.size()) == 0);
            decoded += whole.size();
        }
    });
    auto left = stream.substr(decoded);
    if (health == StreamDecoder::Health::oversized || left.size() < vlan::length_size) return;
    auto length = vlan::read_length(reinterpret_cast<const std::byte*>(left.data()));
    require(left.size() < vlan::length_size + length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto piece = (input.byte() + std::size_t{1}) * (input.byte() + std::size_t{1});
    auto once = generate(input);
    std::string stream;
    do {
        stream += once;
    } while (!once.empty() && stream.size() < vlan::StreamBuffer::min_room &&
             input.byte() % 2 == 1);
    check(stream, piece);
    return 0;
}
