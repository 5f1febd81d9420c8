#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The protocol between the driver and its agent in the guest (docs/shell-protocol.md, "Frames").
/// Without I/O, allocation and exceptions, since both ends use it, the agent without a C library.
namespace charioteer::frames {

using Bytes = std::span<const unsigned char>;

/// Changes whenever the meaning of a frame does. Both ends are of the same version, since the
/// driver sends the agent into the guest; the number only rejects other programs.
constexpr std::uint32_t version = 3;

enum class Type : std::uint8_t {
    hello = 1,      ///< the first frame of either end: Hello
    text = 2,       ///< a piece of a command's text, before its exec
    exec = 3,       ///< starts a command: Exec, then the rest of its text
    started = 4,    ///< its process id: Started
    input = 5,      ///< bytes for its standard input
    input_end = 6,  ///< the end of its standard input
    output = 7,     ///< bytes of its standard output
    errors = 8,     ///< bytes of its standard error
    credit = 9,     ///< more room at the receiver of a stream: Credit
    signal = 10,    ///< for the command's process group: Signal
    resize = 11,    ///< of the command's terminal: Resize
    exit = 12,      ///< its answer is complete: Exit, then pipe holders; errors may still follow
    refused = 13,   ///< why it was not started, as text; ends the stream
    ping = 14,      ///< answered by a pong with the same payload
    pong = 15,
    closed = 16,  ///< the last frame of a stream
    held = 17,    ///< its shell has ended, its output is still open: pipe holders, as text
    ack = 18,     ///< which frames need not be kept to be sent again: Ack
};
constexpr Type last_type = Type::ack;

/// Bytes of a header.
constexpr std::size_t header_size = 28;
/// Of a payload.
constexpr std::size_t max_payload = 64 * 1024;
/// Bytes of input that a command may be sent before it has given credit.
constexpr std::uint32_t input_window = 64 * 1024;
/// The largest window of a command's input, in bytes. A copy takes a round trip for each window,
/// which is long on a busy host.
constexpr std::uint32_t most_input_window = 512 * 1024;
constexpr std::size_t max_frame = header_size + max_payload;

/// The fields of a header, besides its magic number and checksums.
struct Header {
    Type type{};
    std::uint32_t stream = 0;    ///< 0 for frames that belong to no command
    std::uint32_t sequence = 0;  ///< counts the frames of one direction but hellos, from 0
    std::uint32_t length = 0;    ///< of the payload, in bytes
};

/// Writes the header of a frame with this payload; header.length is ignored.
void write_header(const Header& header, Bytes payload,
                  std::span<unsigned char, header_size> target);

/// The size in bytes of the frame that begins with `header`.
std::size_t frame_size(const unsigned char* header);

/// A position in the frames of one direction. Equal values mean that both ends have seen the same
/// frames, not only as many: after a guest was restored to an earlier state they may differ.
struct Progress {
    std::uint32_t next = 0;   ///< sequence number of the next frame
    std::uint64_t chain = 0;  ///< checksum of the headers, and so of the payloads, before it

    /// `header` is that of the next frame.
    void pass(const unsigned char* header);
    friend bool operator==(const Progress&, const Progress&) = default;
};

/// What the received bytes begin with.
struct Scan {
    enum class Kind : std::uint8_t {
        incomplete,  ///< more bytes are needed
        noise,       ///< `size` bytes that belong to no frame
        frame,       ///< a frame of `size` bytes
    };
    Kind kind = Kind::incomplete;
    std::size_t size = 0;
    Header header;
    Bytes payload;                        ///< part of what was scanned
    const unsigned char* head = nullptr;  ///< the bytes of the header, before the payload
};

/// Before the hello of the other end, bytes are left over from an earlier connection, and an
/// incomplete frame of that must not be waited for.
enum class Expect : std::uint8_t { hello, any };

/// Looks at the first bytes. The caller drops `size` of them and calls again, until the rest is
/// incomplete, which is less than max_frame. After noise it finds the next complete frame.
Scan scan(Bytes bytes, Expect expect);

/// A checksum against noise, not against malice: 64-bit words, multiplied and folded.
std::uint64_t checksum(Bytes bytes);

}  // namespace charioteer::frames
